-- Verify notification:notices on pg
BEGIN;
SELECT request_id, receipt_number, agency_name, document_number, document_date, items, ended,
       issued, told, digests, digest_due_at, state FROM request WHERE false;
SELECT request_id, emails, mobile FROM recipient WHERE false;
SELECT request_id, number, ordinal, subscriber_name, serial, reason FROM item WHERE false;
SELECT request_id, template, number, channel, state, recipient, handed_at, settled_at, why
FROM notice WHERE false;
-- A partition for today; the service may add to personal data, never change it.
SELECT 1 / (to_regclass('notice' || to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM')) IS NOT NULL)::int;
SELECT 1 / (NOT has_table_privilege('trien_notification', 'recipient', 'UPDATE'))::int;
ROLLBACK;

-- Verify intake:requests on pg
BEGIN;
SELECT request_id, receipt_no, client_id, channel, received_at, state, document_sha256, form,
       organ_id, agency_name, document_number, document_date, due_on, item_count, finished_count,
       issued_count, reasons FROM request WHERE false;
SELECT request_id, part, name, content_type, sha256, content FROM document WHERE false;
SELECT request_id, number, state, subscriber_name, profile, device_kind, serial, issuer,
       certificate_der, not_before, not_after, reasons FROM item WHERE false;
SELECT request_id, number, at, event, item, subject, detail FROM timeline WHERE false;
SELECT sha256, request_id, receipt_no, received_at FROM post_digest WHERE false;
SELECT client_id, idempotency_key, post_sha256 FROM post_key WHERE false;
-- A partition for today.
SELECT 1 / (to_regclass('request' || to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM')) IS NOT NULL)::int;
SELECT 1 / (NOT has_table_privilege('trien_intake', 'document', 'DELETE'))::int;
ROLLBACK;

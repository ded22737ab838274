-- Verify validation:requests on pg
BEGIN;
SELECT request_id, receipt_number, client_id, channel, received_at, document_sha256,
       document_size_bytes, came_from, state, decided_at, form, organ_id, document_number,
       document_date, item_count, due_on, due_is_provisional, calendar_version, signers, reasons,
       remarks FROM request WHERE false;
SELECT request_id, number, subscriber_name, profile, device_kind, key_sha256 FROM item WHERE false;
SELECT organ_id, year, number, request_id, receipt_number FROM official_document WHERE false;
SELECT request_id, issuer, waiting_since, crl_version, round FROM waiting WHERE false;
SELECT 1 / (to_regclass('request' || to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM')) IS NOT NULL)::int;
SELECT 1 / (NOT has_table_privilege('trien_validation', 'official_document', 'DELETE'))::int;
ROLLBACK;

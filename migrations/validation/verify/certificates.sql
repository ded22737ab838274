-- Verify validation:certificates on pg
BEGIN;
SELECT serial, organ_id, request_id, item_number, issuer, lineage_id, profile, subscriber_name,
       device_kind, device_serial, not_after, came_from, state FROM certificate WHERE false;
SELECT attachment_sha256, attachment_size_bytes FROM request WHERE false;
SELECT 1 / (NOT has_table_privilege('trien_validation', 'certificate', 'DELETE'))::int;
ROLLBACK;

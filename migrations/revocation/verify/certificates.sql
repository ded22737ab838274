-- Verify revocation:certificates on pg
BEGIN;
SELECT serial, issuer, lineage_id, certificate_request_id, organ_id, profile, device_serial,
       subscriber_name, not_before, not_after, came_from, state, revoked_at, reason, cause,
       invalidity_at, request_id, item_id, principal, note, first_number FROM certificate WHERE false;
SELECT 1 / (NOT has_table_privilege('trien_revocation', 'certificate', 'DELETE'))::int;
ROLLBACK;

-- Verify status:certificates on pg
BEGIN;
SELECT issuer, serial, lineage_id, status, not_after, revoked_at, reason, published_at, changed_by
FROM certificate_status WHERE false;
SELECT issuer, serial, not_after, certificate_der FROM certificate WHERE false;
SELECT 1 / (to_regclass('certificate_' || extract(year FROM now() AT TIME ZONE 'UTC')) IS NOT NULL)::int;
SELECT 1 / has_function_privilege('trien_status', 'make_partitions(integer, integer)', 'EXECUTE')::int;
-- A status can change but never vanish.
SELECT 1 / (NOT has_table_privilege('trien_status', 'certificate_status', 'DELETE'))::int;
ROLLBACK;

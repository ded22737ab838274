-- Verify intake:clients on pg
BEGIN;
SELECT client_id, name, token_sha256, organ_ids, created_at, revoked_at FROM client WHERE false;
SELECT 1 / has_table_privilege('trien_intake', 'client', 'INSERT')::int;
ROLLBACK;

-- Verify intake:revoked on pg
BEGIN;
SELECT revoked_at FROM item WHERE false;
ROLLBACK;

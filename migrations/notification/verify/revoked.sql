-- Verify notification:revoked on pg
BEGIN;
SELECT form FROM request WHERE false;
ROLLBACK;

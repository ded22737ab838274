-- Verify intake:pieces on pg
BEGIN;
SELECT client_id, idempotency_key, part, begins_at, content, put_at FROM piece WHERE false;
ROLLBACK;

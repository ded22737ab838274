-- Revert intake:open_requests from pg
BEGIN;
DROP INDEX request_open;
COMMIT;

-- Verify intake:open_requests on pg
BEGIN;
SELECT 1 / (to_regclass('request_open') IS NOT NULL)::int;
ROLLBACK;

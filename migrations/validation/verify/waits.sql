-- Verify validation:waits on pg
BEGIN;
SELECT 1 / count(*) FROM pg_constraint WHERE conname = 'waiting_for_one';
ROLLBACK;

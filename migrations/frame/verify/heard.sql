-- Verify frame:heard
BEGIN;
SELECT heard_at FROM consumer_cursor WHERE false;
ROLLBACK;

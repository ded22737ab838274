-- Revert frame:heard
BEGIN;
ALTER TABLE consumer_cursor DROP COLUMN heard_at;
COMMIT;

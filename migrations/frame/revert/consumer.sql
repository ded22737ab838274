-- Revert frame:consumer
BEGIN;
DROP TABLE dead_letter, consumer_cursor;
COMMIT;

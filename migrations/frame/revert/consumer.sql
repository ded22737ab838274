-- Revert frame:consumer
BEGIN;
DROP FUNCTION consumer_move(text, int2[], int8[], int8[], uuid[]);
DROP TABLE dead_letter, consumer_cursor;
COMMIT;

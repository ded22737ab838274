-- Revert frame:outbox
BEGIN;
DROP FUNCTION outbox_drop_oldest(timestamptz);
DROP FUNCTION outbox_rotate();
DROP TABLE feed_group, outbox_segment, outbox, outbox_head;
COMMIT;

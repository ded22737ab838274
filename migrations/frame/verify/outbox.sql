-- Verify frame:outbox
BEGIN;
SELECT partition, segment, next_offset, last_id FROM outbox_head WHERE false;
SELECT segment, partition, event_offset, id, type, key, traceparent, created_at, payload
  FROM outbox WHERE false;
SELECT partition, segment, first_offset, created_at FROM outbox_segment WHERE false;
SELECT group_name, partition, committed_offset, seen_at, forgotten FROM feed_group WHERE false;
SELECT 1 / (count(*) = 64)::int FROM outbox_head;
SELECT 1 / has_function_privilege(:'role', 'outbox_rotate()', 'execute')::int;
SELECT 1 / has_function_privilege(:'role', 'outbox_drop_oldest(timestamptz)', 'execute')::int;
SELECT 1 / (NOT has_table_privilege(:'role', 'outbox', 'update, delete'))::int;
ROLLBACK;

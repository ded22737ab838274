-- Verify frame:consumer
BEGIN;
SELECT feed, partition, next_offset, last_id, attempts FROM consumer_cursor WHERE false;
SELECT feed, partition, event_offset, id, key, type, traceparent, created_at, payload, state, error,
       attempts, retry_at, recorded_at, resolved_at, resolved_by, resolution
  FROM dead_letter WHERE false;
ROLLBACK;

-- Verify frame:effect
BEGIN;
SELECT kind, key, partition, intent, traceparent, attempts, retry_at, created_at, last_error
  FROM effect WHERE false;
SELECT kind, key, finished_at, failed FROM effect_done WHERE false;
ROLLBACK;

-- Verify frame:effect
BEGIN;
SELECT kind, key, partition, intent, traceparent, attempts, retry_at, created_at, last_error
  FROM effect WHERE false;
SELECT kind, key, finished_at, failed FROM effect_done WHERE false;
SELECT 1 / has_function_privilege(:'role',
           'effect_finish(text[], text[], int4[], int2[])', 'execute')::int;
ROLLBACK;

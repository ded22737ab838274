-- Verify frame:months
BEGIN;
SELECT parent, storage FROM month_table WHERE false;
SELECT 1 / has_function_privilege(:'role', 'month_make(timestamptz, integer)', 'execute')::int;
-- The service may call the one function; which tables it works on is not the service's to say.
SELECT 1 / (NOT has_table_privilege(:'role', 'month_table', 'insert, update, delete'))::int;
SELECT 1 / (NOT has_function_privilege(:'role', 'month_begin(text, text[])', 'execute'))::int;
SELECT 1 / (month_floor('2026-11-01T00:00:00Z') = '01a19467-e800-0000-0000-000000000000')::int;
-- A partition for today of every table.
SELECT 1 / (to_regclass(parent || to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM')) IS NOT NULL)::int
  FROM month_table;
ROLLBACK;

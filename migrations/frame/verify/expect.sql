-- Verify frame:expect
BEGIN;
SELECT 1 / has_function_privilege(:'role', 'expect_rows(bigint, bigint)', 'execute')::int;
ROLLBACK;

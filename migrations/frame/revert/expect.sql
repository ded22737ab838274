-- Revert frame:expect
BEGIN;
DROP FUNCTION expect_rows(bigint, bigint);
COMMIT;

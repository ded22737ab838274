-- Revert frame:months
BEGIN;
DROP FUNCTION month_end(text[]);
DROP FUNCTION month_begin(text, text[]);
DROP FUNCTION month_make(timestamptz, integer);
DROP FUNCTION month_bound(regclass, timestamptz);
DROP FUNCTION month_floor(timestamptz);
DROP TABLE month_table;
COMMIT;

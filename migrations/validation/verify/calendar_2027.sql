-- Verify validation:calendar_2027 on pg
BEGIN;
SELECT 1 / ((SELECT count(*) FROM calendar_day WHERE version = '250203a9c21d602a') = 54)::int;
ROLLBACK;

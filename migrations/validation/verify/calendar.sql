-- Verify validation:calendar on pg
BEGIN;
SELECT version, last_year, loaded_at FROM calendar WHERE false;
SELECT version, day, kind, status, name_vi, source FROM calendar_day WHERE false;
ROLLBACK;

-- Revert validation:calendar from pg
BEGIN;
DROP TABLE calendar_day, calendar;
COMMIT;

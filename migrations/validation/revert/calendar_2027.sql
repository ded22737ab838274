-- Revert validation:calendar_2027 from pg
BEGIN;
UPDATE knowledge SET version = nextval('knowledge_version'), calendar_version = NULL
 WHERE calendar_version = '250203a9c21d602a';
DELETE FROM calendar_day WHERE version = '250203a9c21d602a';
DELETE FROM calendar WHERE version = '250203a9c21d602a';
COMMIT;

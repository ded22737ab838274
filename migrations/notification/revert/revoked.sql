-- Revert notification:revoked from pg
BEGIN;
ALTER TABLE request DROP COLUMN form;
DELETE FROM notice WHERE template NOT IN ('accepted', 'rejected', 'issued');
ALTER TABLE notice DROP CONSTRAINT notice_template_check;
ALTER TABLE notice ADD CONSTRAINT notice_template_check
    CHECK (template IN ('accepted', 'rejected', 'issued'));
COMMIT;

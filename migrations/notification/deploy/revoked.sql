-- Deploy notification:revoked to pg
-- requires: notices
--
-- Notices of other requests than issuance: what a digest says depends on the form; a template is any
-- that the program has (templates.c).
BEGIN;

ALTER TABLE request ADD COLUMN form text NOT NULL DEFAULT '01';
ALTER TABLE notice DROP CONSTRAINT notice_template_check;
ALTER TABLE notice ADD CONSTRAINT notice_template_check CHECK (template ~ '^[a-z_]{1,30}$');

COMMIT;

-- Revert validation:waits from pg
BEGIN;
ALTER TABLE waiting DROP CONSTRAINT waiting_for_one;
UPDATE waiting SET crl_version = 9223372036854775807 WHERE crl_version IS NULL;
ALTER TABLE waiting ALTER crl_version SET NOT NULL;
COMMENT ON COLUMN waiting.crl_version IS NULL;
COMMIT;

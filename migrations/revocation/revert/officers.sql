-- Revert revocation:officers from pg
BEGIN;
DROP INDEX certificate_by_officer;
COMMIT;

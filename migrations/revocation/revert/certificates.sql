-- Revert revocation:certificates from pg
BEGIN;
DROP TABLE certificate;
DROP FUNCTION certificate_step();
COMMIT;

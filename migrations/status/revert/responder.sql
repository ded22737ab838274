-- Revert status:responder from pg
BEGIN;
DROP TABLE responder_certificate;
COMMIT;

-- Revert revocation:behind from pg
BEGIN;
ALTER TABLE issuer DROP behind_number;
COMMIT;

-- Revert validation:registry from pg
BEGIN;
DROP TABLE agency_signer, agency_contact, agency, knowledge;
COMMIT;

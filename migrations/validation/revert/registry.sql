-- Revert validation:registry from pg
BEGIN;
DROP TABLE agency_signer, agency_contact, agency, knowledge;
DROP SEQUENCE knowledge_version;
COMMIT;

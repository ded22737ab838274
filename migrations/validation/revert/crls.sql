-- Revert validation:crls from pg
BEGIN;
DROP TABLE crl, crl_source;
COMMIT;

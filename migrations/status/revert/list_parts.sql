-- Revert status:list_parts from pg
BEGIN;
ALTER TABLE revocation_list ADD crl_der bytea;
UPDATE revocation_list l SET crl_der = (
    SELECT string_agg(p.der, ''::bytea ORDER BY p.begins) FROM revocation_list_part p
     WHERE p.issuer = l.issuer AND p.number = l.number);
ALTER TABLE revocation_list ALTER crl_der SET NOT NULL, DROP size_bytes;
DROP TABLE revocation_list_part;
COMMIT;

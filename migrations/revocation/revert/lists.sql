-- Revert revocation:lists from pg
BEGIN;
SELECT month_end('revocation_list_body');
DROP TABLE revocation_list_body, revocation_list, issuer;
DROP FUNCTION revocation_list_step();
COMMIT;

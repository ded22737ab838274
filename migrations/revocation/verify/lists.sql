-- Verify revocation:lists on pg
BEGIN;
SELECT issuer, number_known, last_number, asked FROM issuer WHERE false;
SELECT issuer, number, this_update, next_update, entries, tbs_sha256, came_from, state, list_id,
       sha256, size_bytes, why FROM revocation_list WHERE false;
SELECT list_id, crl_der FROM revocation_list_body WHERE false;
SELECT 1 / (NOT has_table_privilege('trien_revocation', 'revocation_list', 'DELETE'))::int;
SELECT 1 / (NOT has_table_privilege('trien_revocation', 'revocation_list_body', 'UPDATE'))::int;
ROLLBACK;

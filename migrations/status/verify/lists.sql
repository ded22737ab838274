-- Verify status:lists on pg
BEGIN;
SELECT issuer, number, this_update, next_update, sha256 FROM revocation_list WHERE false;
ROLLBACK;

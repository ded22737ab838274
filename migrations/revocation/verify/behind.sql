-- Verify revocation:behind on pg
BEGIN;
SELECT behind_number FROM issuer WHERE false;
ROLLBACK;

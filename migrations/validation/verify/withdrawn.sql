-- Verify validation:withdrawn on pg
BEGIN;
SELECT withdrawn_at FROM agency_signer WHERE false;
ROLLBACK;

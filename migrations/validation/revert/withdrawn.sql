-- Revert validation:withdrawn from pg
BEGIN;
-- A signer that was withdrawn must not come back with the older program.
DELETE FROM agency_signer WHERE withdrawn_at IS NOT NULL;
ALTER TABLE agency_signer DROP COLUMN withdrawn_at;
COMMIT;

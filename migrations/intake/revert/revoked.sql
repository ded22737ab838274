-- Revert intake:revoked from pg
BEGIN;
ALTER TABLE item DROP COLUMN revoked_at, DROP CONSTRAINT item_state_check;
ALTER TABLE item ADD CONSTRAINT item_state_check
    CHECK (state IN ('waiting', 'authorized', 'key_awaited', 'issued', 'failed'));
COMMIT;

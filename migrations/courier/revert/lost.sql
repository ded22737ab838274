-- Revert courier:lost from pg
BEGIN;
DROP INDEX device_lost_valid;
COMMIT;

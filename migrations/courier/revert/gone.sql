-- Revert courier:gone from pg
BEGIN;
DROP INDEX device_destroyed_valid;
DELETE FROM device_step WHERE event = 'OrderServed';
COMMIT;

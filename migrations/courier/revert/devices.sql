-- Revert courier:devices from pg
BEGIN;
DROP TABLE request, waiting_order, device, custody, device_step;
DROP FUNCTION device_takes_step();
DROP FUNCTION uuid_floor(timestamptz);
COMMIT;

-- Deploy courier:gone to pg
-- requires: custody_order
--
-- A device may be retired when its order's key has been made in it: its certificate stands on a device
-- that nobody has, which is counted as those of lost devices are; and the device that the order was
-- given instead is free again.
BEGIN;

INSERT INTO device_step (from_state, event, to_state) VALUES
    ('assigned', 'OrderServed', 'in_stock');

CREATE INDEX device_destroyed_valid ON device (device_serial)
    WHERE state = 'destroyed' AND certificate_serial IS NOT NULL AND certificate_ended_at IS NULL;

COMMIT;

-- Revert courier:reuse from pg
-- Devices on their way back into stock are returned ones again.
BEGIN;
DROP TABLE device_certificate;
ALTER TABLE device DISABLE TRIGGER device_steps;
UPDATE device SET state = 'returned', event = 'ReturnReported' WHERE state = 'initialised';
ALTER TABLE device ENABLE TRIGGER device_steps;
ALTER TABLE device
    DROP CONSTRAINT device_in_stock_is_empty,
    DROP CONSTRAINT device_emptied_after_its_end,
    DROP CONSTRAINT device_state_check,
    ADD CONSTRAINT device_state_check
        CHECK (state IN ('in_stock', 'assigned', 'personalised', 'dispatched', 'delivered',
                         'handed_over', 'recalled', 'returned', 'lost', 'destroyed'));
DELETE FROM device_step WHERE event IN ('InitialiseDevice', 'CheckDevice') OR from_state = 'initialised';
COMMIT;

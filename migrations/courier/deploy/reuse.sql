-- Deploy courier:reuse to pg
-- requires: gone
--
-- Certificates that came into devices are remembered: the end of one that was not heard of yet waits,
-- the end of one that was replaced asks for nothing. And a returned device may be of use again: emptied
-- by the station once its certificate has ended, seen by an officer, then in stock as new.
BEGIN;

-- As small as what stays for ever has to be.
CREATE TABLE device_certificate (
    certificate_serial text PRIMARY KEY,
    device_serial      text NOT NULL REFERENCES device
);
INSERT INTO device_certificate
SELECT certificate_serial, device_serial FROM device WHERE certificate_serial IS NOT NULL;

INSERT INTO device_step (from_state, event, to_state) VALUES
    ('returned', 'InitialiseDevice', 'initialised'),
    ('initialised', 'CheckDevice', 'in_stock'),
    ('initialised', 'RetireDevice', 'destroyed');

ALTER TABLE device
    DROP CONSTRAINT device_state_check,
    ADD CONSTRAINT device_state_check
        CHECK (state IN ('in_stock', 'assigned', 'personalised', 'dispatched', 'delivered',
                         'handed_over', 'recalled', 'returned', 'initialised', 'lost', 'destroyed')),
    ADD CONSTRAINT device_emptied_after_its_end
        CHECK (state <> 'initialised' OR certificate_ended_at IS NOT NULL),
    ADD CONSTRAINT device_in_stock_is_empty
        CHECK (state <> 'in_stock' OR (shipment_id IS NULL AND recalled_at IS NULL));

GRANT SELECT, INSERT ON device_certificate TO trien_courier;

COMMIT;

-- Deploy signing:devices to pg
-- requires: orders
--
-- The device courier assigned to an order: its key is made on this one. When the device turns out to
-- be broken another is assigned; the later assignment counts, whichever is heard first.
BEGIN;

ALTER TABLE item_order
    ADD COLUMN device_serial text,
    ADD COLUMN assigned_at   timestamptz,
    ADD CHECK ((device_serial IS NULL) = (assigned_at IS NULL));

COMMIT;

-- Revert signing:devices from pg
BEGIN;
ALTER TABLE item_order DROP COLUMN device_serial, DROP COLUMN assigned_at;
COMMIT;

-- Verify signing:devices on pg
BEGIN;
SELECT request_id, number, device_serial, assigned_at FROM item_order WHERE false;
ROLLBACK;

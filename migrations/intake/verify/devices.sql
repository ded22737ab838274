-- Verify intake:devices on pg
BEGIN;
SELECT request_id, shipment_id, method, tracking_number, state, place, dispatched_at, moved_at, recorded_at
FROM shipment WHERE false;
SELECT request_id, shipment_id, device_serial, item, certificate_serial FROM shipment_device WHERE false;
ROLLBACK;

-- Verify courier:shipments on pg
BEGIN;
SELECT shipment_id, organ_id, method, carrier, tracking_number, state, moved_at, dispatched_at, changed_at
FROM shipment WHERE false;
SELECT shipment_id, device_serial FROM shipment_device WHERE false;
SELECT shipment_id, recorded_at, state, happened_at, principal, note FROM correction WHERE false;
SELECT tracking_number, carrier, shipment_id, used_at FROM tracking_number WHERE false;
SELECT idempotency, sha256, shipment_id FROM dispatch_key WHERE false;
SELECT carrier, tracking_number, event_at, code, place, received_at FROM tracking_event WHERE false;
-- What was said stays said.
SELECT 1 / (NOT has_table_privilege('trien_courier', 'tracking_event', 'UPDATE, DELETE'))::int;
ROLLBACK;

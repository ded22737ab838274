-- Revert courier:shipments from pg
BEGIN;
DROP FUNCTION make_partitions(timestamptz, integer);
DROP TABLE tracking_event, dispatch_key, tracking_number, correction, shipment_device, shipment;
COMMIT;

-- Revert courier:shipments from pg
BEGIN;
SELECT month_end('shipment', 'shipment_device', 'correction', 'tracking_event');
DROP TABLE tracking_event, dispatch_key, tracking_number, correction, shipment_device, shipment;
COMMIT;

-- Revert intake:devices from pg
BEGIN;
SELECT month_end('shipment', 'shipment_device');
DROP TABLE shipment_device, shipment;
COMMIT;

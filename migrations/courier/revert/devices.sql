-- Revert courier:devices from pg
BEGIN;
SELECT month_end('custody', 'request');
DROP TABLE request, waiting_order, device, custody, device_step;
DROP FUNCTION device_takes_step();
COMMIT;

-- Verify courier:gone on pg
BEGIN;
SELECT 'device_destroyed_valid'::regclass;
SELECT 1 / count(*) FROM device_step WHERE event = 'OrderServed' AND to_state = 'in_stock';
ROLLBACK;

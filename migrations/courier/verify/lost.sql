-- Verify courier:lost on pg
BEGIN;
SELECT 'device_lost_valid'::regclass;
ROLLBACK;

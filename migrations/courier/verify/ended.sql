-- Verify courier:ended on pg
BEGIN;
SELECT certificate_ended_at FROM device WHERE false;
SELECT 1 / count(*) FROM device_step WHERE event = 'DeliveredAfterEnd' AND to_state = 'recalled';
ROLLBACK;

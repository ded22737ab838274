-- Verify courier:reuse on pg
BEGIN;
SELECT certificate_serial, device_serial FROM device_certificate WHERE false;
SELECT 1 / count(*) FROM device_step WHERE event = 'CheckDevice' AND to_state = 'in_stock';
ROLLBACK;

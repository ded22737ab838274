-- Revert courier:ended from pg
BEGIN;
ALTER TABLE device DROP certificate_ended_at;
DELETE FROM device_step WHERE event = 'DeliveredAfterEnd';
COMMIT;

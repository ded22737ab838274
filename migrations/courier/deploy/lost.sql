-- Deploy courier:lost to pg
-- requires: ended
--
-- Lost devices whose certificate still stands are counted every few seconds: no scan for that.
BEGIN;
CREATE INDEX device_lost_valid ON device (device_serial)
    WHERE state = 'lost' AND certificate_ended_at IS NULL;
COMMIT;

-- Revert courier:custody_order from pg
BEGIN;

CREATE OR REPLACE FUNCTION device_takes_step() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    before text := CASE WHEN TG_OP = 'INSERT' THEN '-' ELSE OLD.state END;
BEGIN
    IF NOT EXISTS (SELECT FROM device_step
                   WHERE from_state = before AND event = NEW.event AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'device %: % may not lead from % to %', NEW.device_serial, NEW.event, before,
                        NEW.state USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO custody (device_serial, at, event, from_state, to_state, actor, request_id, number,
                         shipment_id, note)
    VALUES (NEW.device_serial, NEW.changed_at, NEW.event, before, NEW.state, NEW.actor,
            NEW.request_id, NEW.number, NEW.shipment_id, NEW.note);
    RETURN NEW;
END $$;

COMMIT;

-- Deploy courier:devices to pg
--
-- One row a device for ever: serial numbers are the makers', few and never used twice. What a device
-- goes through is enforced here: a step that the table device_step does not name is refused, and each
-- step leaves its line in custody, which the process itself may neither write nor change. What grows
-- with requests is partitioned by month: request through its id (a UUIDv7 begins with its time),
-- custody through its time.
BEGIN;

-- trien-courier --states; tests/store compares the two.
CREATE TABLE device_step (
    from_state text NOT NULL,
    event      text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (from_state, event)
);
INSERT INTO device_step (from_state, event, to_state) VALUES
    ('-', 'AddDevices', 'in_stock'),
    ('in_stock', 'KeyAwaited', 'assigned'),
    ('assigned', 'IssuanceFailed', 'in_stock'),
    ('assigned', 'CertificateIssued', 'personalised'),
    ('personalised', 'DispatchDevices', 'dispatched'),
    ('dispatched', 'ShipmentDelivered', 'delivered'),
    ('dispatched', 'ShipmentReturned', 'personalised'),
    ('dispatched', 'ShipmentLost', 'lost'),
    ('dispatched', 'HandoverReported', 'handed_over'),
    ('delivered', 'HandoverReported', 'handed_over'),
    ('delivered', 'ShipmentReturned', 'personalised'),
    ('delivered', 'ShipmentLost', 'lost'),
    ('personalised', 'CertificateRevoked', 'returned'),
    ('dispatched', 'CertificateRevoked', 'recalled'),
    ('delivered', 'CertificateRevoked', 'recalled'),
    ('handed_over', 'CertificateRevoked', 'recalled'),
    ('personalised', 'CertificateExpired', 'returned'),
    ('dispatched', 'CertificateExpired', 'recalled'),
    ('delivered', 'CertificateExpired', 'recalled'),
    ('handed_over', 'CertificateExpired', 'recalled'),
    ('personalised', 'LossConfirmed', 'lost'),
    ('dispatched', 'LossConfirmed', 'lost'),
    ('delivered', 'LossConfirmed', 'lost'),
    ('handed_over', 'LossConfirmed', 'lost'),
    ('recalled', 'LossConfirmed', 'lost'),
    ('recalled', 'ShipmentReturned', 'returned'),
    ('recalled', 'ShipmentLost', 'lost'),
    ('dispatched', 'ReturnReported', 'returned'),
    ('delivered', 'ReturnReported', 'returned'),
    ('handed_over', 'ReturnReported', 'returned'),
    ('recalled', 'ReturnReported', 'returned'),
    ('lost', 'ReturnReported', 'returned'),
    ('lost', 'ShipmentDelivered', 'delivered'),
    ('lost', 'ShipmentReturned', 'returned'),
    ('in_stock', 'RetireDevice', 'destroyed'),
    ('assigned', 'RetireDevice', 'destroyed'),
    ('returned', 'RetireDevice', 'destroyed');

CREATE TABLE device (
    device_serial      text PRIMARY KEY CHECK (device_serial ~ '^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$'),
    device_kind        text NOT NULL CHECK (device_kind IN ('pki_token', 'sim_pki')),
    model              text NOT NULL DEFAULT '' CHECK (length(model) <= 100),
    stock_no           bigint GENERATED ALWAYS AS IDENTITY,
    state              text NOT NULL
                       CHECK (state IN ('in_stock', 'assigned', 'personalised', 'dispatched',
                                        'delivered', 'handed_over', 'recalled', 'returned', 'lost',
                                        'destroyed')),
    event              text NOT NULL,
    actor              text NOT NULL,
    changed_at         timestamptz NOT NULL,
    request_id         uuid,
    number             integer CHECK (number > 0),
    certificate_serial text,
    shipment_id        uuid,
    recalled_at        timestamptz,
    due_on             date,
    overdue_at         timestamptz,
    note               text,
    CHECK ((request_id IS NULL) = (number IS NULL)),
    CHECK (state NOT IN ('in_stock', 'assigned') OR certificate_serial IS NULL),
    CHECK (state IN ('in_stock', 'destroyed') OR request_id IS NOT NULL),
    CHECK (state <> 'in_stock' OR request_id IS NULL),
    CHECK (state IN ('in_stock', 'assigned', 'destroyed') OR certificate_serial IS NOT NULL),
    CHECK (state NOT IN ('dispatched', 'delivered') OR shipment_id IS NOT NULL),
    CHECK (state <> 'recalled' OR recalled_at IS NOT NULL),
    CHECK (due_on IS NULL OR recalled_at IS NOT NULL),
    CHECK (overdue_at IS NULL OR due_on IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON COLUMN device.event IS 'the last step; actor: who said it';
-- One order, one device; a destroyed one leaves its place to the next.
CREATE UNIQUE INDEX device_by_order ON device (request_id, number)
    WHERE request_id IS NOT NULL AND state <> 'destroyed';
CREATE INDEX device_in_stock ON device (device_kind, stock_no) WHERE state = 'in_stock';
CREATE INDEX device_due ON device (due_on) WHERE state = 'recalled' AND overdue_at IS NULL;

-- In whose hand each device was, step by step.
CREATE TABLE custody (
    device_serial text NOT NULL,
    at            timestamptz NOT NULL,
    event         text NOT NULL,
    from_state    text NOT NULL,
    to_state      text NOT NULL,
    actor         text NOT NULL,
    request_id    uuid,
    number        integer,
    shipment_id   uuid,
    note          text
) PARTITION BY RANGE (at);
CREATE INDEX custody_by_device ON custody (device_serial, at);

CREATE FUNCTION device_takes_step() RETURNS trigger
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
CREATE TRIGGER device_steps BEFORE INSERT OR UPDATE OF state, event ON device
    FOR EACH ROW EXECUTE FUNCTION device_takes_step();

-- Orders whose key awaits a device that is not in stock.
CREATE TABLE waiting_order (
    request_id  uuid NOT NULL,
    number      integer NOT NULL CHECK (number > 0),
    device_kind text NOT NULL,
    since       timestamptz NOT NULL,
    PRIMARY KEY (request_id, number)
);
CREATE INDEX waiting_order_since ON waiting_order (since);

-- What courier has to know of a request: whose it is and how its devices are to travel.
CREATE TABLE request (
    request_id  uuid PRIMARY KEY,
    organ_id    text NOT NULL,
    agency_name text NOT NULL,
    delivery    text NOT NULL
) PARTITION BY RANGE (request_id);

CREATE TABLE custody_rest PARTITION OF custody DEFAULT;
CREATE TABLE request_rest PARTITION OF request DEFAULT;
SELECT month_begin('', 'custody', 'request');

GRANT SELECT ON device_step, custody TO trien_courier;
GRANT SELECT, INSERT, UPDATE ON device TO trien_courier;
GRANT SELECT, INSERT ON request TO trien_courier;
GRANT SELECT, INSERT, UPDATE, DELETE ON waiting_order TO trien_courier;

COMMIT;

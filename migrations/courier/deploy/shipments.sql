-- Deploy courier:shipments to pg
-- requires: devices
--
-- A shipment is partitioned by month through its id, what carriers said by the time it happened. A
-- carrier's word is kept as it came, whether we know the number yet or not: events may arrive before
-- the station has recorded that the parcel left.
BEGIN;

CREATE TABLE shipment (
    shipment_id     uuid PRIMARY KEY,
    organ_id        text NOT NULL,
    method          text NOT NULL CHECK (method IN ('in_person', 'cipher_organisation', 'public_post')),
    carrier         text,
    tracking_number text CHECK (tracking_number ~ '^[A-Z]{2}[0-9]{9}[A-Z]{2}$'),
    state           text NOT NULL
                    CHECK (state IN ('CREATED', 'ACCEPTED', 'IN_TRANSIT', 'AT_DELIVERY_OFFICE',
                                     'OUT_FOR_DELIVERY', 'ATTEMPTED', 'DELIVERED', 'RETURNING',
                                     'RETURNED', 'LOST')),
    moved_at        timestamptz NOT NULL,
    dispatched_at   timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CHECK ((method = 'public_post') = (tracking_number IS NOT NULL)),
    CHECK ((carrier IS NULL) = (tracking_number IS NULL))
) PARTITION BY RANGE (shipment_id);

CREATE TABLE shipment_device (
    shipment_id   uuid NOT NULL,
    device_serial text NOT NULL,
    PRIMARY KEY (shipment_id, device_serial)
) PARTITION BY RANGE (shipment_id);

-- What a person saw; the latest of them outweighs the carrier.
CREATE TABLE correction (
    shipment_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    state       text NOT NULL CHECK (state IN ('DELIVERED', 'RETURNED', 'LOST')),
    happened_at timestamptz NOT NULL,
    principal   text NOT NULL,
    note        text NOT NULL CHECK (length(note) BETWEEN 1 AND 500),
    PRIMARY KEY (shipment_id, recorded_at)
) PARTITION BY RANGE (shipment_id);

-- A number is another shipment's again after twelve months at the earliest (UPU S10).
CREATE TABLE tracking_number (
    tracking_number text PRIMARY KEY CHECK (tracking_number ~ '^[A-Z]{2}[0-9]{9}[A-Z]{2}$'),
    carrier         text NOT NULL,
    shipment_id     uuid NOT NULL,
    used_at         timestamptz NOT NULL
);

CREATE TABLE dispatch_key (
    idempotency text PRIMARY KEY CHECK (length(idempotency) BETWEEN 1 AND 255),
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    shipment_id uuid NOT NULL
);

-- Every event of every carrier as it came, once.
CREATE TABLE tracking_event (
    carrier         text NOT NULL,
    tracking_number text NOT NULL,
    event_at        timestamptz NOT NULL,
    code            text NOT NULL,
    place           text NOT NULL DEFAULT '' CHECK (length(place) <= 200),
    received_at     timestamptz NOT NULL,
    PRIMARY KEY (carrier, tracking_number, event_at, code)
) PARTITION BY RANGE (event_at);

CREATE TABLE shipment_rest PARTITION OF shipment DEFAULT;
CREATE TABLE shipment_device_rest PARTITION OF shipment_device DEFAULT;
CREATE TABLE correction_rest PARTITION OF correction DEFAULT;
CREATE TABLE tracking_event_rest PARTITION OF tracking_event DEFAULT;
-- What is updated has room for that on its page.
SELECT month_begin('fillfactor = 70', 'shipment');
SELECT month_begin('', 'shipment_device', 'correction', 'tracking_event');

GRANT SELECT, INSERT, UPDATE ON shipment, tracking_number TO trien_courier;
GRANT SELECT, INSERT ON shipment_device, correction, dispatch_key, tracking_event TO trien_courier;

COMMIT;

-- Deploy intake:devices to pg
-- requires: revoked
--
-- How devices of a request travel: copies of what courier says. Every device says the same of its shipment, and their
-- events come in any order, so the row remembers when courier recorded what it shows.
BEGIN;

CREATE TABLE shipment (
    request_id      uuid NOT NULL,
    shipment_id     uuid NOT NULL,
    method          text NOT NULL CHECK (method IN ('in_person', 'cipher_organisation', 'public_post')),
    tracking_number text,
    state           text NOT NULL DEFAULT 'CREATED',
    place           text NOT NULL DEFAULT '',
    dispatched_at   timestamptz NOT NULL,
    moved_at        timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (request_id, shipment_id)
) PARTITION BY RANGE (request_id);

CREATE TABLE shipment_device (
    request_id         uuid NOT NULL,
    shipment_id        uuid NOT NULL,
    device_serial      text NOT NULL,
    item               integer NOT NULL,
    certificate_serial text,
    PRIMARY KEY (request_id, shipment_id, device_serial)
) PARTITION BY RANGE (request_id);

CREATE TABLE shipment_rest PARTITION OF shipment DEFAULT;
CREATE TABLE shipment_device_rest PARTITION OF shipment_device DEFAULT;
SELECT month_begin('fillfactor = 70', 'shipment');
SELECT month_begin('', 'shipment_device');

GRANT SELECT, INSERT, UPDATE ON shipment TO trien_intake;
GRANT SELECT, INSERT ON shipment_device TO trien_intake;

COMMIT;

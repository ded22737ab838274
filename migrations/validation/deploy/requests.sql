-- Deploy validation:requests to pg
-- requires: registry, calendar
--
-- What grows with requests is partitioned by month through the request id itself: a UUIDv7 begins with
-- its time, so one column is key, order and partition at once. What must stay unique for ever has a
-- small table of its own.
BEGIN;

-- States: trien-validation --states. One row per step of that table stands in the CHECK.
CREATE TABLE request (
    request_id          uuid PRIMARY KEY,
    receipt_number      text NOT NULL,
    client_id           text NOT NULL,
    channel             text NOT NULL,
    received_at         timestamptz NOT NULL,
    document_sha256     bytea NOT NULL CHECK (octet_length(document_sha256) = 32),
    document_size_bytes bigint NOT NULL,
    came_from           text NOT NULL,
    state               text NOT NULL,
    decided_at          timestamptz,
    form                text,
    organ_id            text,
    document_number     text,
    document_date       date,
    item_count          integer,
    due_on              date,
    due_is_provisional  bool,
    calendar_version    text,
    signers             text,
    reasons             jsonb,
    remarks             jsonb,
    CHECK ((came_from, state) IN (
        ('new',       'examining'),
        ('examining', 'waiting'),
        ('waiting',   'examining'),
        ('examining', 'accepted'),
        ('examining', 'rejected'))),
    CHECK ((state IN ('accepted', 'rejected')) = (decided_at IS NOT NULL)),
    CHECK ((state = 'rejected') = (reasons IS NOT NULL)),
    CHECK ((state = 'accepted') = (due_on IS NOT NULL)),
    CHECK (state <> 'accepted' OR (organ_id IS NOT NULL AND form IS NOT NULL AND item_count > 0
                                   AND calendar_version IS NOT NULL))
) PARTITION BY RANGE (request_id);
COMMENT ON COLUMN request.signers IS 'Certificates of the document''s signatures in order, SHA-256 hex';
COMMENT ON COLUMN request.remarks IS 'Members of request.json nobody asked for';

CREATE TABLE item (
    request_id      uuid NOT NULL,
    number          integer NOT NULL CHECK (number > 0),
    subscriber_name text NOT NULL,
    profile         text NOT NULL,
    device_kind     text NOT NULL,
    key_sha256      bytea,
    PRIMARY KEY (request_id, number)
) PARTITION BY RANGE (request_id);

-- The official documents of accepted requests: one agency, one year, one number, for ever.
CREATE TABLE official_document (
    organ_id       text NOT NULL,
    year           integer NOT NULL,
    number         text NOT NULL,
    request_id     uuid NOT NULL,
    receipt_number text NOT NULL,
    PRIMARY KEY (organ_id, year, number)
);

-- Requests that wait for a list; crl_version is what they were judged with last, round how often
-- they were examined.
CREATE TABLE waiting (
    request_id    uuid PRIMARY KEY,
    issuer        text NOT NULL,
    waiting_since timestamptz NOT NULL,
    crl_version   bigint NOT NULL,
    round         integer NOT NULL
);
CREATE INDEX waiting_by_version ON waiting (crl_version);

-- What is updated has room for that on its page.
SELECT month_begin('fillfactor = 60', 'request');
SELECT month_begin('', 'item');

GRANT SELECT, INSERT, UPDATE ON request TO trien_validation;
GRANT SELECT, INSERT ON item, official_document TO trien_validation;
GRANT SELECT, INSERT, UPDATE, DELETE ON waiting TO trien_validation;

COMMIT;

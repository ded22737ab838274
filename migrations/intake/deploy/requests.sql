-- Deploy intake:requests to pg
-- requires: clients
--
-- Everything that grows with requests is partitioned by month through the request id itself: a
-- UUIDv7 begins with its time, so one column is key, order and partition at once, and a look-up by
-- id touches one partition. What must stay unique for ever has a small table of its own.
BEGIN;

-- Receipt numbers: no lock, gaps allowed. The day in front of it is the day of receipt in Vietnam.
CREATE SEQUENCE receipt_number;

CREATE TABLE post_digest (
    sha256      bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    request_id  uuid NOT NULL,
    receipt_no  bigint NOT NULL,
    received_at timestamptz NOT NULL
);
COMMENT ON TABLE post_digest IS 'the same bytes are the same request: the first answer again, for ever';

CREATE TABLE post_key (
    client_id       text NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    post_sha256     bytea NOT NULL,
    PRIMARY KEY (client_id, idempotency_key)
);

-- States: trien-intake --states. No foreign key to client: it would lock one hot row per post.
CREATE TABLE request (
    request_id      uuid PRIMARY KEY,
    receipt_no      bigint NOT NULL,
    client_id       text NOT NULL,
    channel         text NOT NULL CHECK (channel IN ('portal', 'edxml', 'bus')),
    received_at     timestamptz NOT NULL,
    state           text NOT NULL
                    CHECK (state IN ('received', 'accepted', 'rejected', 'completed', 'failed')),
    document_sha256 bytea NOT NULL CHECK (octet_length(document_sha256) = 32),
    form            text,
    organ_id        text,
    agency_name     text,
    document_number text,
    document_date   text,
    due_on          text,
    item_count      integer CHECK (item_count > 0),
    finished_count  integer NOT NULL DEFAULT 0,
    issued_count    integer NOT NULL DEFAULT 0,
    reasons         jsonb,
    CHECK (issued_count <= finished_count),
    CHECK (item_count IS NULL OR finished_count <= item_count),
    CHECK ((state = 'rejected') = (reasons IS NOT NULL)),
    CHECK (state NOT IN ('accepted', 'completed', 'failed') OR item_count IS NOT NULL),
    CHECK (state <> 'completed' OR (finished_count = item_count AND issued_count > 0)),
    CHECK (state <> 'failed' OR (finished_count = item_count AND issued_count = 0))
) PARTITION BY RANGE (request_id);
CREATE INDEX request_by_client ON request (client_id, request_id);
CREATE INDEX request_by_organ ON request (organ_id, request_id) WHERE organ_id IS NOT NULL;
CREATE INDEX request_by_receipt ON request (receipt_no);

-- Part 0 is the signed document, 1..n its attachments. Signed PDFs do not compress: EXTERNAL stores
-- them as they are and lets a part of one be read without the rest.
CREATE TABLE document (
    request_id   uuid NOT NULL,
    part         smallint NOT NULL CHECK (part >= 0),
    name         text NOT NULL,
    content_type text NOT NULL,
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    content      bytea NOT NULL,
    PRIMARY KEY (request_id, part)
) PARTITION BY RANGE (request_id);
ALTER TABLE document ALTER COLUMN content SET STORAGE EXTERNAL;

-- One subscriber of a request; the certificate is a copy that signing's feed can rebuild.
CREATE TABLE item (
    request_id      uuid NOT NULL,
    number          integer NOT NULL CHECK (number > 0),
    state           text NOT NULL
                    CHECK (state IN ('waiting', 'authorized', 'key_awaited', 'issued', 'failed')),
    subscriber_name text,
    profile         text,
    device_kind     text,
    serial          text,
    issuer          text,
    certificate_der bytea,
    not_before      timestamptz,
    not_after       timestamptz,
    reasons         jsonb,
    PRIMARY KEY (request_id, number),
    CHECK ((state = 'issued') = (certificate_der IS NOT NULL)),
    CHECK ((state = 'failed') = (reasons IS NOT NULL))
) PARTITION BY RANGE (request_id);

-- What happened, one row an event; the sentences are made from services/intake/texts.c when read.
-- The receipt itself is not here: it stands in request.
CREATE SEQUENCE timeline_number;
CREATE TABLE timeline (
    request_id uuid NOT NULL,
    number     bigint NOT NULL DEFAULT nextval('timeline_number'),
    at         timestamptz NOT NULL,
    event      text NOT NULL,
    item       integer,
    subject    text,
    detail     text
) PARTITION BY RANGE (request_id);
CREATE INDEX timeline_by_request ON timeline (request_id);

-- What is updated has room for that on its page.
SELECT month_begin('fillfactor = 70', 'request', 'item');
SELECT month_begin('', 'document', 'timeline');

GRANT SELECT, INSERT, UPDATE ON request, item TO trien_intake;
GRANT SELECT, INSERT ON document, timeline, post_digest, post_key TO trien_intake;
GRANT USAGE ON SEQUENCE receipt_number, timeline_number TO trien_intake;

COMMIT;

-- Deploy notification:notices to pg
--
-- Partitioned by month through the request id: a UUIDv7 begins with its time, so one column is key,
-- order and partition at once. Requests older than the oldest month (a feed read again from its
-- start) fall into the partition for the rest. Personal data stands in recipient and item only and
-- can leave before everything else.
BEGIN;

-- States: trien-notification --states.
CREATE TABLE request (
    request_id      uuid PRIMARY KEY,
    receipt_number  text NOT NULL,
    agency_name     text NOT NULL,
    document_number text NOT NULL,
    document_date   text NOT NULL,
    items           integer NOT NULL CHECK (items > 0),
    ended           integer NOT NULL DEFAULT 0,
    issued          integer NOT NULL DEFAULT 0,
    told            integer NOT NULL DEFAULT 0,
    digests         integer NOT NULL DEFAULT 0,
    digest_due_at   timestamptz,
    state           text NOT NULL DEFAULT 'accepted'
                    CHECK (state IN ('accepted', 'partly', 'finished')),
    CHECK (issued <= ended AND ended <= items AND told <= ended),
    CHECK ((state = 'finished') = (ended = items)),
    CHECK ((state = 'accepted') = (ended = 0))
) PARTITION BY RANGE (request_id);
CREATE INDEX request_digest_due ON request (digest_due_at) WHERE digest_due_at IS NOT NULL;

-- Personal data: whom to write to. Addresses that can be used, separated by spaces.
CREATE TABLE recipient (
    request_id uuid PRIMARY KEY,
    emails     text NOT NULL,
    mobile     text NOT NULL CHECK (mobile = '' OR mobile ~ '^\+84[35789][0-9]{8}$')
) PARTITION BY RANGE (request_id);

-- Personal data: the ends of a request's items in the order they came; what digests list. A request
-- of one item has none: its digest is written from the event itself.
CREATE TABLE item (
    request_id      uuid NOT NULL,
    number          integer NOT NULL,
    ordinal         integer NOT NULL,
    subscriber_name text NOT NULL,
    serial          text,
    reason          text,
    PRIMARY KEY (request_id, number),
    CHECK ((serial IS NULL) <> (reason IS NULL))
) PARTITION BY RANGE (request_id);

-- What became of each notice by each channel. While it is queued it is an effect and has no row
-- here: one insert at its end instead of an insert and an update. recipient is masked.
CREATE TABLE notice (
    request_id uuid NOT NULL,
    template   text NOT NULL CHECK (template IN ('accepted', 'rejected', 'issued')),
    number     integer NOT NULL CHECK (number > 0),
    channel    text NOT NULL CHECK (channel IN ('email', 'sms')),
    state      text NOT NULL CHECK (state IN ('handed', 'delivered', 'failed', 'unconfirmed')),
    recipient  text NOT NULL,
    handed_at  timestamptz CHECK ((handed_at IS NOT NULL) = (state = 'handed')),
    settled_at timestamptz CHECK ((settled_at IS NULL) = (state = 'handed')),
    why        text,
    PRIMARY KEY (request_id, template, number, channel)
) PARTITION BY RANGE (request_id);
CREATE INDEX notice_handed ON notice (handed_at) WHERE handed_at IS NOT NULL;

CREATE TABLE request_rest PARTITION OF request DEFAULT;
CREATE TABLE recipient_rest PARTITION OF recipient DEFAULT;
CREATE TABLE item_rest PARTITION OF item DEFAULT;
CREATE TABLE notice_rest PARTITION OF notice DEFAULT;
-- What is updated has room for that on its page.
SELECT month_begin('fillfactor = 70', 'request');
SELECT month_begin('', 'recipient', 'item', 'notice');

GRANT SELECT, INSERT, UPDATE ON request, notice TO trien_notification;
GRANT SELECT, INSERT ON recipient, item TO trien_notification;

COMMIT;

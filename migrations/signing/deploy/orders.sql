-- Deploy signing:orders to pg
--
-- An order is an item of a request: its key is the item's, so one item can never have two. All that
-- grows is partitioned by month through the request id, a UUIDv7 that begins with its time. What
-- must stay unique for ever, serial numbers and keys, has small tables of its own.
BEGIN;

CREATE TABLE serial (
    serial   bytea PRIMARY KEY CHECK (octet_length(serial) BETWEEN 9 AND 20),
    order_id text NOT NULL
);
COMMENT ON TABLE serial IS 'every serial number that was ever given to the signer; never deleted';

CREATE TABLE key_lineage (
    key_sha256 bytea PRIMARY KEY CHECK (octet_length(key_sha256) = 32),
    lineage_id text NOT NULL
);
COMMENT ON TABLE key_lineage IS 'a public key belongs to one lineage for ever; renewal keeps it';

-- Narrow and updated twice or three times; states: trien-signing --states.
CREATE TABLE item_order (
    request_id      uuid NOT NULL,
    number          integer NOT NULL CHECK (number > 0),
    state           text NOT NULL
                    CHECK (state IN ('awaiting_key', 'preparing', 'signing', 'issued', 'failed')),
    profile         text NOT NULL,
    device_kind     text NOT NULL,
    subscriber_name text NOT NULL,
    expires_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    reason          text,
    detail          text,
    awaiting        boolean NOT NULL GENERATED ALWAYS AS (state = 'awaiting_key') STORED,
    PRIMARY KEY (request_id, number),
    CHECK ((state = 'failed') = (reason IS NOT NULL))
) PARTITION BY RANGE (request_id);
-- By a column of its own: an index that looks at the state would cost every step of every order.
CREATE INDEX item_order_awaiting ON item_order (request_id, number) WHERE awaiting;

-- What an order rests on: the authorised item as it came, serialised.
CREATE TABLE order_item (
    request_id uuid NOT NULL,
    number     integer NOT NULL,
    item       bytea NOT NULL,
    PRIMARY KEY (request_id, number)
) PARTITION BY RANGE (request_id);

-- And the key that was made on a device: the station's statement about it.
CREATE TABLE order_device (
    request_id uuid NOT NULL,
    number     integer NOT NULL,
    csr_der    bytea NOT NULL,
    statement  bytea NOT NULL,
    key_id     text NOT NULL,
    signature  bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (request_id, number)
) PARTITION BY RANGE (request_id);

-- The intent: complete to-be-signed bytes, before the signer is asked.
CREATE TABLE order_tbs (
    request_id uuid NOT NULL,
    number     integer NOT NULL,
    issuer     text NOT NULL,
    serial     bytea NOT NULL,
    key_sha256 bytea NOT NULL,
    tbs_der    bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (request_id, number)
) PARTITION BY RANGE (request_id);

CREATE TABLE certificate (
    request_id      uuid NOT NULL,
    number          integer NOT NULL,
    issuer          text NOT NULL,
    serial          bytea NOT NULL,
    profile         text NOT NULL,
    certificate_der bytea NOT NULL,
    not_before      timestamptz NOT NULL,
    not_after       timestamptz NOT NULL CHECK (not_after > not_before),
    issued_at       timestamptz NOT NULL,
    PRIMARY KEY (request_id, number)
) PARTITION BY RANGE (request_id);

-- What is updated has room for that on its page.
SELECT month_begin('fillfactor = 60', 'item_order');
SELECT month_begin('', 'order_item', 'order_device', 'order_tbs', 'certificate');

GRANT SELECT, INSERT, UPDATE ON item_order TO trien_signing;
-- UPDATE of a key's row changes nothing: it is how an insert learns whose the key already is.
GRANT SELECT, INSERT ON serial, key_lineage, order_item, order_device, order_tbs, certificate
    TO trien_signing;
GRANT UPDATE (lineage_id) ON key_lineage TO trien_signing;

COMMIT;

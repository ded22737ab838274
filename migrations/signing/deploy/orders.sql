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
    PRIMARY KEY (request_id, number),
    CHECK ((state = 'failed') = (reason IS NOT NULL))
) PARTITION BY RANGE (request_id);
CREATE INDEX item_order_awaiting ON item_order (request_id, number) WHERE state = 'awaiting_key';

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

-- The smallest UUIDv7 of an instant: 48 bits of milliseconds, then zeros.
CREATE FUNCTION uuid_floor(at timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
                  || repeat('0', 20))::uuid $$;

-- Makes the partitions of the month of `from_time` and of the months after it that are not there
-- yet; how many were made. Owned by the role of the migrations, callable by the service.
CREATE FUNCTION make_partitions(from_time timestamptz, months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    begins timestamptz;
    parent text;
    child  text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('signing.make_partitions'));
    FOR m IN 0..least(greatest(months, 0), 24) LOOP
        begins := date_trunc('month', from_time AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
                  + make_interval(months => m);
        FOREACH parent IN ARRAY ARRAY['item_order', 'order_item', 'order_device', 'order_tbs',
                                      'certificate'] LOOP
            child := parent || to_char(begins AT TIME ZONE 'UTC', '_YYYY_MM');
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)%s',
                           child, parent, uuid_floor(begins),
                           uuid_floor((begins AT TIME ZONE 'UTC' + interval '1 month')
                                      AT TIME ZONE 'UTC'),
                           -- the one that is updated: room for it on its page
                           CASE WHEN parent = 'item_order' THEN ' WITH (fillfactor = 60)'
                                ELSE '' END);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION make_partitions(timestamptz, integer) FROM PUBLIC;

DO $$ BEGIN PERFORM make_partitions(now() - interval '1 month', 4); END $$;

GRANT SELECT, INSERT, UPDATE ON item_order TO trien_signing;
-- UPDATE of a key's row changes nothing: it is how an insert learns whose the key already is.
GRANT SELECT, INSERT ON serial, key_lineage, order_item, order_device, order_tbs, certificate
    TO trien_signing;
GRANT UPDATE (lineage_id) ON key_lineage TO trien_signing;
GRANT EXECUTE ON FUNCTION make_partitions(timestamptz, integer) TO trien_signing;

COMMIT;

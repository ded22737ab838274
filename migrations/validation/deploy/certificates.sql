-- Deploy validation:certificates to pg
-- requires: requests
--
-- The certificates that requests may name: whose each is, and whether it stands. A copy; signing and
-- revocation own the truth, and their feeds rebuild it. Serial numbers are unique for ever, so the
-- table is not partitioned; nothing in it is read but by serial number.
BEGIN;

CREATE TABLE certificate (
    serial          text PRIMARY KEY CHECK (serial ~ '^[1-9a-f][0-9a-f]{0,39}$'),
    organ_id        text NOT NULL,
    request_id      uuid NOT NULL,
    item_number     integer NOT NULL,
    issuer          text NOT NULL,
    lineage_id      text NOT NULL,
    profile         text NOT NULL,
    subscriber_name text NOT NULL,
    device_kind     text NOT NULL,
    device_serial   text,
    not_after       timestamptz NOT NULL,
    came_from       text NOT NULL,
    state           text NOT NULL,
    CHECK ((came_from, state) IN (
        ('new',   'valid'),
        ('valid', 'revoked'),
        ('valid', 'expired')))
) WITH (fillfactor = 90);

ALTER TABLE request ADD COLUMN attachment_sha256 bytea[] NOT NULL DEFAULT '{}',
                    ADD COLUMN attachment_size_bytes bigint[] NOT NULL DEFAULT '{}',
                    ADD CHECK (cardinality(attachment_sha256) = cardinality(attachment_size_bytes));

GRANT SELECT, INSERT, UPDATE ON certificate TO trien_validation;

COMMIT;

-- Deploy intake:pieces to pg
-- requires: clients
--
-- Parts that are too large for one call of the bus, in pieces until their SubmitRequest comes: hours, not years, and
-- never more than a few posts of a client, so rows are deleted.
BEGIN;

CREATE TABLE piece (
    client_id       text NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    part            smallint NOT NULL CHECK (part >= 0),
    begins_at       bigint NOT NULL CHECK (begins_at >= 0),
    content         bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 1048576),
    put_at          timestamptz NOT NULL,
    PRIMARY KEY (client_id, idempotency_key, part, begins_at)
);
ALTER TABLE piece ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX piece_by_age ON piece (put_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON piece TO trien_intake;

COMMIT;

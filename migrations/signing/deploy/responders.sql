-- Deploy signing:responders to pg
-- requires: orders
--
-- A handful of keys, a certificate each every few weeks: small tables, not partitioned.
BEGIN;

-- What officers have approved; a row for each of them. The approval's bytes are what they signed.
CREATE TABLE responder_approval (
    approval_sha256 bytea NOT NULL CHECK (octet_length(approval_sha256) = 32),
    key_id          text NOT NULL,
    issuer          text NOT NULL,
    key_sha256      bytea NOT NULL CHECK (octet_length(key_sha256) = 32),
    approval        bytea NOT NULL,
    signature       bytea NOT NULL,
    csr_der         bytea NOT NULL,
    expires_at      timestamptz NOT NULL,
    approved_at     timestamptz NOT NULL,
    PRIMARY KEY (approval_sha256, key_id)
);
CREATE INDEX responder_approval_of_key ON responder_approval (issuer, key_sha256);

CREATE TABLE responder_order (
    order_id        text PRIMARY KEY,
    issuer          text NOT NULL,
    key_sha256      bytea NOT NULL,
    approval_sha256 bytea NOT NULL,
    state           text NOT NULL CHECK (state IN ('signing', 'issued', 'failed')),
    serial          bytea NOT NULL,
    tbs_der         bytea NOT NULL,
    certificate_der bytea,
    not_before      timestamptz NOT NULL,
    not_after       timestamptz NOT NULL CHECK (not_after > not_before),
    created_at      timestamptz NOT NULL,
    detail          text,
    CHECK ((state = 'issued') = (certificate_der IS NOT NULL))
);
CREATE INDEX responder_order_of_key ON responder_order (issuer, key_sha256, not_after);

GRANT SELECT, INSERT ON responder_approval TO trien_signing;
GRANT SELECT, INSERT ON responder_order TO trien_signing;
GRANT UPDATE (state, certificate_der, detail) ON responder_order TO trien_signing;

COMMIT;

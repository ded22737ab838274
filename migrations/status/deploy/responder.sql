-- Deploy status:responder to pg
-- requires: certificates
--
-- The responder's certificates, one line of them per issuer; the newest of the key in the token is in
-- use. Replicas that share a token share the rows.
BEGIN;

CREATE TABLE responder_certificate (
    issuer          text NOT NULL,
    key_sha256      bytea NOT NULL CHECK (octet_length(key_sha256) = 32),
    not_before      timestamptz NOT NULL,
    not_after       timestamptz NOT NULL,
    certificate_der bytea NOT NULL,
    PRIMARY KEY (issuer, key_sha256, not_after, not_before)
);

GRANT SELECT, INSERT ON responder_certificate TO trien_status;

COMMIT;

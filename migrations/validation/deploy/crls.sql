-- Deploy validation:crls to pg
--
-- Where lists are fetched from, and the newest list of each authority, checked before it is stored.
BEGIN;

CREATE TABLE crl_source (
    url           text PRIMARY KEY,
    issuer_sha256 bytea CHECK (octet_length(issuer_sha256) = 32),
    next_fetch_at timestamptz NOT NULL,
    fetched_at    timestamptz,
    last_error    text
) WITH (fillfactor = 50);
COMMENT ON TABLE crl_source IS
    'From configuration, or from the distribution points of a signer''s chain; issuer known once fetched';

CREATE TABLE crl (
    issuer_sha256 bytea PRIMARY KEY CHECK (octet_length(issuer_sha256) = 32),
    sha256        bytea NOT NULL CHECK (octet_length(sha256) = 32),
    number        text NOT NULL CHECK (number ~ '^[0-9a-f]*$'),
    this_update   timestamptz NOT NULL,
    next_update   timestamptz NOT NULL,
    fetched_at    timestamptz NOT NULL,
    url           text NOT NULL,
    crl_der       bytea NOT NULL,
    CHECK (this_update < next_update)
);
ALTER TABLE crl ALTER COLUMN crl_der SET STORAGE EXTERNAL;
COMMENT ON COLUMN crl.number IS 'cRLNumber, hexadecimal without leading zeros; never goes back';

GRANT SELECT, INSERT, UPDATE ON crl_source, crl TO trien_validation;

COMMIT;

-- Deploy validation:registry to pg
--
-- Who may ask, and with which seal and officers. What processes keep in memory of all this has one
-- version in one row: whoever changes it takes the row's lock first, so versions appear in the order
-- of their numbers; a number that was rolled back is never seen again, because it is a sequence's.
BEGIN;

CREATE SEQUENCE knowledge_version;

CREATE TABLE knowledge (
    one              bool PRIMARY KEY DEFAULT true CHECK (one),
    version          bigint NOT NULL DEFAULT nextval('knowledge_version'),
    crl_version      bigint NOT NULL DEFAULT 1,
    calendar_version text
) WITH (fillfactor = 10);
COMMENT ON TABLE knowledge IS
    'version: signers, calendar or revocation lists changed; crl_version: revocation lists changed';
INSERT INTO knowledge DEFAULT VALUES;

CREATE TABLE agency (
    organ_id   text PRIMARY KEY CHECK (organ_id ~ '^[A-Z][0-9]{2}(\.[A-Z0-9]{2,})*$'),
    name       text NOT NULL CHECK (name <> ''),
    province   text,
    valid_from date,
    valid_to   date,
    updated_at timestamptz NOT NULL,
    CHECK (valid_from <= valid_to)
);
COMMENT ON TABLE agency IS
    'Managing agencies by QĐ 20/2020 code; codes of agencies that were merged end at valid_to';

CREATE TABLE agency_contact (
    organ_id text NOT NULL REFERENCES agency ON DELETE CASCADE,
    position smallint NOT NULL,
    name     text,
    email    text,
    mobile   text CHECK (mobile ~ '^\+84[0-9]{9}$'),
    PRIMARY KEY (organ_id, position),
    CHECK (email IS NOT NULL OR mobile IS NOT NULL)
);

CREATE TABLE agency_signer (
    organ_id           text NOT NULL REFERENCES agency ON DELETE CASCADE,
    certificate_sha256 bytea NOT NULL CHECK (octet_length(certificate_sha256) = 32),
    role               text NOT NULL CHECK (role IN ('seal', 'officer')),
    certificate_der    bytea NOT NULL,
    subject            text NOT NULL,
    not_after          timestamptz NOT NULL,
    version            bigint NOT NULL,
    added_at           timestamptz NOT NULL,
    PRIMARY KEY (organ_id, certificate_sha256)
);
COMMENT ON TABLE agency_signer IS
    'seal: the agency itself, must sign last; officer: a competent person, may sign before';
CREATE INDEX agency_signer_by_version ON agency_signer (version);

GRANT SELECT, UPDATE ON knowledge TO trien_validation;
GRANT USAGE ON SEQUENCE knowledge_version TO trien_validation;
GRANT SELECT, INSERT, UPDATE ON agency, agency_signer TO trien_validation;
GRANT SELECT, INSERT, DELETE ON agency_contact TO trien_validation;

COMMIT;

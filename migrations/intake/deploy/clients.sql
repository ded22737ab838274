-- Deploy intake:clients to pg
-- Who may post and read. The token itself is never here; a digest of 256 random bits needs no salt.
BEGIN;

CREATE TABLE client (
    client_id    text PRIMARY KEY CHECK (client_id ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    token_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    organ_ids    text[] NOT NULL,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz CHECK (revoked_at >= created_at)
);
COMMENT ON COLUMN client.organ_ids IS 'agencies whose requests this client may read; * for all (the national portal)';

GRANT SELECT, INSERT, UPDATE ON client TO trien_intake;

COMMIT;

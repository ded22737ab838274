-- Deploy status:lists to pg
-- requires: certificates
--
-- The newest revocation list of each authority, as it is given out. And: who was revoked stays so.
BEGIN;

CREATE TABLE revocation_list (
    issuer      text PRIMARY KEY,
    number      bigint NOT NULL CHECK (number > 0),
    this_update timestamptz NOT NULL,
    next_update timestamptz NOT NULL,
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    crl_der     bytea NOT NULL
);

CREATE FUNCTION certificate_status_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a revocation is final' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER certificate_status_final BEFORE UPDATE ON certificate_status
    FOR EACH ROW WHEN (OLD.status = 'revoked' AND
                       (NEW.status, NEW.revoked_at, NEW.reason)
                       IS DISTINCT FROM (OLD.status, OLD.revoked_at, OLD.reason))
    EXECUTE FUNCTION certificate_status_final();

GRANT SELECT, INSERT, UPDATE ON revocation_list TO trien_status;

COMMIT;

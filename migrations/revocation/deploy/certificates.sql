-- Deploy revocation:certificates to pg
--
-- The status of every certificate: small rows, unique by serial number for ever, so not partitioned.
-- What is final stays as it is: a trigger sees to it, whoever asks.
BEGIN;

-- States: trien-revocation --states. One row per step of that table stands in the CHECK.
CREATE TABLE certificate (
    serial                 text PRIMARY KEY CHECK (serial ~ '^[1-9a-f][0-9a-f]{0,39}$'),
    issuer                 text NOT NULL,
    lineage_id             text NOT NULL,
    certificate_request_id text NOT NULL,
    organ_id               text NOT NULL,
    profile                text NOT NULL,
    device_serial          text,
    subscriber_name        text,
    not_before             timestamptz NOT NULL,
    not_after              timestamptz NOT NULL CHECK (not_after > not_before),
    came_from              text NOT NULL,
    state                  text NOT NULL,
    revoked_at             timestamptz,
    reason                 smallint CHECK (reason IN (0, 1, 3, 4, 5, 9)),
    cause                  text,
    invalidity_at          timestamptz,
    request_id             text,
    item_id                text,
    principal              text,
    note                   text,
    first_number           bigint,
    CHECK ((came_from, state) IN (
        ('new',   'valid'),
        ('valid', 'revoked'),
        ('valid', 'expired'))),
    CHECK ((state = 'revoked') = (revoked_at IS NOT NULL)),
    CHECK ((state = 'revoked') = (reason IS NOT NULL)),
    CHECK ((state = 'revoked') = (cause IS NOT NULL)),
    -- a request's row or an officer with a note, never neither
    CHECK (state <> 'revoked' OR (item_id IS NOT NULL AND request_id IS NOT NULL)
                              OR (principal IS NOT NULL AND note <> '')),
    CHECK (first_number IS NULL OR state = 'revoked')
) WITH (fillfactor = 80);
COMMENT ON COLUMN certificate.first_number IS 'Number of the first list that was to carry it';
CREATE INDEX certificate_ending ON certificate (not_after) WHERE state = 'valid';
CREATE INDEX certificate_revoked ON certificate (issuer, not_after) WHERE state = 'revoked';
CREATE INDEX certificate_unlisted ON certificate (issuer)
    WHERE state = 'revoked' AND first_number IS NULL;

CREATE FUNCTION certificate_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state THEN
        NEW.came_from := OLD.state; -- the CHECK says whether there is such a step
    ELSIF (NEW.came_from, NEW.revoked_at, NEW.reason, NEW.cause, NEW.invalidity_at, NEW.request_id,
           NEW.item_id, NEW.principal, NEW.note)
          IS DISTINCT FROM
          (OLD.came_from, OLD.revoked_at, OLD.reason, OLD.cause, OLD.invalidity_at, OLD.request_id,
           OLD.item_id, OLD.principal, OLD.note) THEN
        RAISE EXCEPTION 'what was said of certificate % is final', OLD.serial
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.serial, NEW.issuer, NEW.lineage_id, NEW.organ_id, NEW.not_before, NEW.not_after)
       IS DISTINCT FROM
       (OLD.serial, OLD.issuer, OLD.lineage_id, OLD.organ_id, OLD.not_before, OLD.not_after) THEN
        RAISE EXCEPTION 'certificate % is another one', OLD.serial
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER certificate_step BEFORE UPDATE ON certificate
    FOR EACH ROW EXECUTE FUNCTION certificate_step();

GRANT SELECT, INSERT, UPDATE ON certificate TO trien_revocation;

COMMIT;

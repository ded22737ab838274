-- Deploy status:certificates to pg
--
-- certificate_status is what OCSP is answered from: small, unique for ever, so not partitioned.
-- The certificates themselves are needed for publication only and leave, by partition, years after
-- the end of their lives.
BEGIN;

-- States: trien-status --states.
CREATE TABLE certificate_status (
    issuer       text NOT NULL,
    serial       bytea NOT NULL CHECK (octet_length(serial) BETWEEN 1 AND 20),
    lineage_id   text NOT NULL,
    status       text NOT NULL DEFAULT 'good' CHECK (status IN ('good', 'revoked')),
    not_after    timestamptz NOT NULL,
    revoked_at   timestamptz,
    reason       smallint CHECK (reason BETWEEN 0 AND 10 AND reason <> 7),
    published_at timestamptz,
    changed_by   bigint,
    PRIMARY KEY (issuer, serial),
    CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
    CHECK (reason IS NULL OR status = 'revoked')
) WITH (fillfactor = 90);
COMMENT ON COLUMN certificate_status.changed_by IS
    'transaction that last changed a row that was there; processes ask for what they may have missed';
CREATE INDEX certificate_status_changed ON certificate_status (changed_by)
    WHERE changed_by IS NOT NULL;

-- Whoever changes a status cannot forget to say so.
CREATE FUNCTION certificate_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_by := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER certificate_status_change BEFORE UPDATE ON certificate_status
    FOR EACH ROW EXECUTE FUNCTION certificate_status_change();

CREATE TABLE certificate (
    issuer          text NOT NULL,
    serial          bytea NOT NULL,
    not_after       timestamptz NOT NULL,
    certificate_der bytea NOT NULL,
    PRIMARY KEY (issuer, serial, not_after)
) PARTITION BY RANGE (not_after);
CREATE TABLE certificate_rest PARTITION OF certificate DEFAULT;

-- Makes the partitions of the years from `from_year` on that are not there yet; how many were made.
CREATE FUNCTION make_partitions(from_year integer, years integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    child text;
    made  integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('status.make_partitions'));
    FOR y IN from_year..from_year + least(greatest(years, 0), 40) LOOP
        child := 'certificate_' || y;
        CONTINUE WHEN to_regclass(child) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I PARTITION OF certificate FOR VALUES FROM (%L) TO (%L)', child,
                       make_timestamptz(y, 1, 1, 0, 0, 0, 'UTC'),
                       make_timestamptz(y + 1, 1, 1, 0, 0, 0, 'UTC'));
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION make_partitions(integer, integer) FROM PUBLIC;
-- Subscribers' certificates live five years at most.
SELECT make_partitions(extract(year FROM now() AT TIME ZONE 'UTC')::integer, 7);

GRANT SELECT, INSERT, UPDATE ON certificate_status TO trien_status;
GRANT SELECT, INSERT ON certificate TO trien_status;
GRANT EXECUTE ON FUNCTION make_partitions(integer, integer) TO trien_status;

COMMIT;

-- Deploy revocation:lists to pg
-- requires: certificates
--
-- Lists as they were written down before anybody signed them, and as they were issued. Numbers only
-- grow; an issued list stays. The lists' bytes are partitioned by month.
BEGIN;

CREATE TABLE issuer (
    issuer       text PRIMARY KEY,
    number_known bool NOT NULL DEFAULT false,
    last_number  bigint NOT NULL DEFAULT 0 CHECK (last_number >= 0),
    asked        bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
COMMENT ON COLUMN issuer.number_known IS
    'last_number is the signer''s own; asked for at first and whenever it refused a list';

-- States: trien-revocation --states.
CREATE TABLE revocation_list (
    issuer      text NOT NULL REFERENCES issuer,
    number      bigint NOT NULL CHECK (number > 0),
    this_update timestamptz NOT NULL,
    next_update timestamptz NOT NULL CHECK (next_update > this_update),
    entries     bigint NOT NULL CHECK (entries >= 0),
    tbs_sha256  bytea NOT NULL CHECK (octet_length(tbs_sha256) = 32),
    came_from   text NOT NULL,
    state       text NOT NULL,
    list_id     uuid UNIQUE,
    sha256      bytea CHECK (octet_length(sha256) = 32),
    size_bytes  bigint,
    why         text,
    PRIMARY KEY (issuer, number),
    CHECK ((came_from, state) IN (
        ('new',     'written'),
        ('written', 'issued'),
        ('written', 'refused'),
        ('refused', 'written'))),
    CHECK ((state = 'issued') = (list_id IS NOT NULL)),
    CHECK ((state = 'issued') = (sha256 IS NOT NULL)),
    CHECK ((state = 'issued') = (size_bytes IS NOT NULL)),
    CHECK ((state = 'refused') = (why IS NOT NULL))
) WITH (fillfactor = 80);
-- One list of an issuer is on its way at a time.
CREATE UNIQUE INDEX revocation_list_written ON revocation_list (issuer) WHERE state = 'written';

CREATE FUNCTION revocation_list_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM revocation_list l
                    WHERE l.issuer = NEW.issuer AND l.number >= NEW.number) THEN
            RAISE EXCEPTION 'number % of % does not grow', NEW.number, NEW.issuer
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state = OLD.state OR (NEW.issuer, NEW.number) IS DISTINCT FROM (OLD.issuer, OLD.number) THEN
        RAISE EXCEPTION 'list % of % stays as it is', OLD.number, OLD.issuer
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> 'written' AND (NEW.this_update, NEW.next_update, NEW.entries, NEW.tbs_sha256)
       IS DISTINCT FROM (OLD.this_update, OLD.next_update, OLD.entries, OLD.tbs_sha256) THEN
        RAISE EXCEPTION 'list % of % was written down otherwise', OLD.number, OLD.issuer
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.came_from := OLD.state;
    RETURN NEW;
END $$;
CREATE TRIGGER revocation_list_step BEFORE INSERT OR UPDATE ON revocation_list
    FOR EACH ROW EXECUTE FUNCTION revocation_list_step();

CREATE TABLE revocation_list_body (
    list_id uuid PRIMARY KEY,
    crl_der bytea NOT NULL
) PARTITION BY RANGE (list_id);
-- DER of serial numbers does not shrink, and parts are read.
ALTER TABLE revocation_list_body ALTER crl_der SET STORAGE EXTERNAL;
SELECT month_begin('', 'revocation_list_body');

GRANT SELECT, INSERT, UPDATE ON issuer, revocation_list TO trien_revocation;
GRANT SELECT, INSERT ON revocation_list_body TO trien_revocation;

COMMIT;

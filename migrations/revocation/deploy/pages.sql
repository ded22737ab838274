-- Deploy revocation:pages to pg
-- requires: lists
--
-- A list's entries lie in pages by serial number. A new list writes the pages anew in which something
-- changed and shares the others with the list before it: what a revocation costs does not grow with the
-- list, and old lists are kept for the price of what they differ in. A page that was replaced lies in
-- revocation_page_past with the numbers it stood for; that one is partitioned by month.
BEGIN;

-- The page of a serial number: the serials of an installation have one length and begin with one octet
-- (signing: serial_prefix), the rest is random; so there are 4,096 pages at most for each prefix. Pages
-- in the order of their names hold serials in the order of numbers.
CREATE FUNCTION revocation_bucket(serial text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lpad(length(serial)::text, 2, '0') || left(serial, 5);
CREATE INDEX certificate_bucket ON certificate (issuer, revocation_bucket(serial))
    WHERE state = 'revoked';

CREATE TABLE revocation_page (
    issuer      text NOT NULL REFERENCES issuer,
    bucket      text COLLATE "C" NOT NULL,
    number      bigint NOT NULL CHECK (number > 0),
    entries     integer NOT NULL CHECK (entries >= 0),
    entries_der bytea NOT NULL,
    PRIMARY KEY (issuer, bucket)
) WITH (fillfactor = 80);
COMMENT ON COLUMN revocation_page.number IS 'The first list with this content';

CREATE TABLE revocation_page_past (
    page_id     uuid PRIMARY KEY,
    issuer      text NOT NULL,
    bucket      text COLLATE "C" NOT NULL,
    number      bigint NOT NULL,
    until       bigint NOT NULL CHECK (until > number),
    entries_der bytea NOT NULL
) PARTITION BY RANGE (page_id);
COMMENT ON COLUMN revocation_page_past.until IS 'The first list that has another content';
CREATE INDEX revocation_page_past_until ON revocation_page_past (issuer, until);
SELECT month_begin('', 'revocation_page_past');

-- DER of serial numbers does not shrink.
ALTER TABLE revocation_page ALTER entries_der SET STORAGE EXTERNAL;
ALTER TABLE revocation_page_past ALTER entries_der SET STORAGE EXTERNAL;

-- A list is what its row and its pages say; its bytes are put together when somebody asks. Lists from
-- before have a body, which stays.
ALTER TABLE revocation_list
    ADD entries_bytes bigint CHECK (entries_bytes >= 0),
    ADD signature bytea CHECK (octet_length(signature) BETWEEN 1 AND 1024),
    ALTER tbs_sha256 DROP NOT NULL;
ALTER TABLE issuer ADD listed_from timestamptz NOT NULL DEFAULT '1970-01-01Z';
COMMENT ON COLUMN issuer.listed_from IS 'Certificates that ended before are on no page any more';

CREATE OR REPLACE FUNCTION revocation_list_step() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF NEW.state <> 'written' AND (NEW.this_update, NEW.next_update, NEW.entries, NEW.entries_bytes)
       IS DISTINCT FROM (OLD.this_update, OLD.next_update, OLD.entries, OLD.entries_bytes) THEN
        RAISE EXCEPTION 'list % of % was written down otherwise', OLD.number, OLD.issuer
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.came_from := OLD.state;
    RETURN NEW;
END $$;

-- What stood on lists has no pages yet: the next list writes them. One that is on its way is made anew.
UPDATE certificate SET first_number = NULL WHERE first_number IS NOT NULL;
UPDATE revocation_list SET state = 'refused', why = 'its entries are in pages now' WHERE state = 'written';
DELETE FROM effect WHERE kind = 'sign_list';
UPDATE issuer SET number_known = false;

GRANT SELECT, INSERT, UPDATE ON revocation_page TO trien_revocation;
GRANT SELECT, INSERT ON revocation_page_past TO trien_revocation;

COMMIT;

-- Revert revocation:pages from pg
--
-- Lists made since lose their bytes (their rows, digests and signatures stay); every certificate goes on
-- the next list.
BEGIN;
DROP INDEX certificate_bucket;
SELECT month_end('revocation_page_past');
DROP TABLE revocation_page, revocation_page_past;
DROP FUNCTION revocation_bucket(text);
ALTER TABLE revocation_list DISABLE TRIGGER revocation_list_step;
UPDATE revocation_list SET tbs_sha256 = sha256('') WHERE tbs_sha256 IS NULL;
ALTER TABLE revocation_list ENABLE TRIGGER revocation_list_step;
ALTER TABLE revocation_list DROP entries_bytes, DROP signature, ALTER tbs_sha256 SET NOT NULL;
ALTER TABLE issuer DROP listed_from;

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
    IF NEW.state <> 'written' AND (NEW.this_update, NEW.next_update, NEW.entries, NEW.tbs_sha256)
       IS DISTINCT FROM (OLD.this_update, OLD.next_update, OLD.entries, OLD.tbs_sha256) THEN
        RAISE EXCEPTION 'list % of % was written down otherwise', OLD.number, OLD.issuer
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.came_from := OLD.state;
    RETURN NEW;
END $$;
COMMIT;

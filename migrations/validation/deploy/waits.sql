-- Deploy validation:waits to pg
-- requires: reviews
--
-- A request waits for a list or for officers. Who waits for officers was judged with lists that do not
-- matter: it has no crl_version and names no issuer.
BEGIN;
ALTER TABLE waiting ALTER crl_version DROP NOT NULL;
UPDATE waiting SET crl_version = NULL WHERE crl_version = 9223372036854775807;
ALTER TABLE waiting ADD CONSTRAINT waiting_for_one CHECK ((crl_version IS NULL) = (issuer = ''));
COMMENT ON COLUMN waiting.crl_version IS
    'Which lists it was judged with last; NULL: it waits for officers, no list wakes it';
COMMIT;

-- Deploy revocation:behind to pg
-- requires: pages
--
-- The signer has signed lists of which this database knows nothing: it was put back to an earlier time,
-- and revocations that those lists carried may be missing. No list is made until people have seen to it.
BEGIN;
ALTER TABLE issuer ADD behind_number bigint CHECK (behind_number > 0);
COMMENT ON COLUMN issuer.behind_number IS
    'The signer''s newest number when it was ahead of ours; NULL: it is not';
COMMIT;

-- Deploy revocation:officers to pg
-- requires: lists
--
-- What an officer revoked within the last hour is counted before the next one: no scan for that.
BEGIN;
CREATE INDEX certificate_by_officer ON certificate (principal, revoked_at) WHERE principal IS NOT NULL;
COMMIT;

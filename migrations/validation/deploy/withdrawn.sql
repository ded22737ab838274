-- Deploy validation:withdrawn to pg
-- requires: waits
--
-- Who left an agency signs for it no more, although the certificate is good for other things. The row
-- stays: what it has signed was signed.
BEGIN;
ALTER TABLE agency_signer ADD withdrawn_at timestamptz CHECK (withdrawn_at >= added_at);
COMMENT ON COLUMN agency_signer.withdrawn_at IS
    'since when no document is believed that it signs; NULL: it may sign';
COMMIT;

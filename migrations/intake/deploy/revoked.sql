-- Deploy intake:revoked to pg
-- requires: requests
--
-- Items of requests that make no certificate end in `done`; a certificate that was revoked says so
-- where it is shown.
BEGIN;

ALTER TABLE item DROP CONSTRAINT item_state_check;
ALTER TABLE item ADD CONSTRAINT item_state_check
    CHECK (state IN ('waiting', 'authorized', 'key_awaited', 'issued', 'done', 'failed')),
    ADD COLUMN revoked_at timestamptz;

COMMIT;

-- Deploy frame:heard
-- requires: consumer
BEGIN;

ALTER TABLE consumer_cursor ADD COLUMN heard_at timestamptz;
COMMENT ON COLUMN consumer_cursor.heard_at IS
    'All that the publisher had then is applied; kept by services that answer from their copies.';

COMMIT;

-- Deploy intake:open_requests to pg
-- requires: requests
--
-- What is not finished, by its due day: operators see what is late. Only open requests are in it.
BEGIN;
CREATE INDEX request_open ON request (due_on, received_at) WHERE state IN ('received', 'accepted');
COMMIT;

-- Revert signing:responders from pg
BEGIN;
DROP TABLE responder_order, responder_approval;
COMMIT;

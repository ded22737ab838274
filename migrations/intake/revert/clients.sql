-- Revert intake:clients from pg
BEGIN;
DROP TABLE client;
COMMIT;

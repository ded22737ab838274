-- Revert intake:pieces from pg
BEGIN;
DROP TABLE piece;
COMMIT;

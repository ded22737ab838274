-- Revert notification:devices from pg
BEGIN;
SELECT month_end('told');
DROP TABLE told;
DROP SEQUENCE told_number;
COMMIT;

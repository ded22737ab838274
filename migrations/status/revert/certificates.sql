-- Revert status:certificates from pg
BEGIN;
DROP FUNCTION make_partitions(integer, integer);
DROP TABLE certificate, certificate_status;
DROP FUNCTION certificate_status_change();
COMMIT;

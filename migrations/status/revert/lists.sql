-- Revert status:lists from pg
BEGIN;
DROP TRIGGER certificate_status_final ON certificate_status;
DROP FUNCTION certificate_status_final();
DROP TABLE revocation_list;
COMMIT;

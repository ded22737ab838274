-- Verify notification:devices on pg
BEGIN;
SELECT request_id, template, subject, number FROM told WHERE false;
SELECT 1 / (NOT has_table_privilege('trien_notification', 'told', 'UPDATE, DELETE'))::int;
ROLLBACK;

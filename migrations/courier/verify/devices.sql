-- Verify courier:devices on pg
BEGIN;
SELECT device_serial, device_kind, model, stock_no, state, event, actor, changed_at, request_id, number,
       certificate_serial, shipment_id, recalled_at, due_on, overdue_at, note FROM device WHERE false;
SELECT request_id, number, device_kind, since FROM waiting_order WHERE false;
SELECT request_id, organ_id, agency_name, delivery FROM request WHERE false;
-- The history is written by the trigger alone.
SELECT 1 / (NOT has_table_privilege('trien_courier', 'custody', 'INSERT, UPDATE, DELETE'))::int;
SELECT 1 / (NOT has_table_privilege('trien_courier', 'device_step', 'INSERT, UPDATE, DELETE'))::int;
SELECT 1 / (NOT has_table_privilege('trien_courier', 'device', 'DELETE'))::int;
ROLLBACK;

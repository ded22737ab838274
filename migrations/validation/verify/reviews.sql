-- Verify validation:reviews on pg
BEGIN;
SELECT request_id, form, organ_id, agency_name, document_number, document_date, item_count, asked_at FROM review WHERE false;
SELECT request_id, officer, approves, note, voted_at FROM review_vote WHERE false;
SELECT 1 / (NOT has_table_privilege('trien_validation', 'review_vote', 'UPDATE'))::int;
ROLLBACK;

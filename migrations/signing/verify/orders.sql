-- Verify signing:orders on pg
BEGIN;
SELECT serial, order_id FROM serial WHERE false;
SELECT key_sha256, lineage_id FROM key_lineage WHERE false;
SELECT request_id, number, state, profile, device_kind, subscriber_name, expires_at, created_at,
       changed_at, reason, detail FROM item_order WHERE false;
SELECT request_id, number, item FROM order_item WHERE false;
SELECT request_id, number, csr_der, statement, key_id, signature, created_at
  FROM order_device WHERE false;
SELECT request_id, number, issuer, serial, key_sha256, tbs_der, created_at
  FROM order_tbs WHERE false;
SELECT request_id, number, issuer, serial, profile, certificate_der, not_before, not_after, issued_at
  FROM certificate WHERE false;
-- A partition for today; what was issued stays.
SELECT 1 / (to_regclass('certificate' || to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM'))
            IS NOT NULL)::int;
SELECT 1 / (NOT has_table_privilege('trien_signing', 'certificate', 'UPDATE'))::int;
SELECT 1 / (NOT has_table_privilege('trien_signing', 'serial', 'DELETE'))::int;
ROLLBACK;

-- Verify signing:responders on pg
BEGIN;
SELECT approval_sha256, key_id, issuer, key_sha256, approval, signature, csr_der, expires_at,
       approved_at FROM responder_approval WHERE false;
SELECT order_id, issuer, key_sha256, approval_sha256, state, serial, tbs_der, certificate_der,
       not_before, not_after, created_at, detail FROM responder_order WHERE false;
SELECT 1 / (NOT has_table_privilege('trien_signing', 'responder_approval', 'UPDATE'))::int;
ROLLBACK;

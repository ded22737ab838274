-- Verify status:responder on pg
BEGIN;
SELECT issuer, key_sha256, not_before, not_after, certificate_der FROM responder_certificate
WHERE false;
ROLLBACK;

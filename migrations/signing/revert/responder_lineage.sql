-- Revert signing:responder_lineage from pg
-- The first issuer that certified the key has it again.
BEGIN;
UPDATE key_lineage k SET lineage_id = regexp_replace(k.lineage_id, '^ocsp/', 'ocsp/' || o.issuer || '/')
  FROM (SELECT DISTINCT ON (key_sha256) key_sha256, issuer FROM responder_order ORDER BY key_sha256, issuer) o
 WHERE o.key_sha256 = k.key_sha256 AND k.lineage_id ~ '^ocsp/[^/]+$';
COMMIT;

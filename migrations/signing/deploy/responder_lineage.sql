-- Deploy signing:responder_lineage to pg
-- requires: devices
--
-- A responder's key answers for every generation of the issuing authority, so its lineage names no issuer.
BEGIN;
UPDATE key_lineage SET lineage_id = regexp_replace(lineage_id, '^ocsp/[^/]+/', 'ocsp/')
 WHERE lineage_id ~ '^ocsp/[^/]+/';
COMMIT;

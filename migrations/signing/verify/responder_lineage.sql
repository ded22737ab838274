-- Verify signing:responder_lineage on pg
BEGIN;
SELECT 1 / (count(*) = 0)::integer FROM key_lineage WHERE lineage_id ~ '^ocsp/[^/]+/';
ROLLBACK;

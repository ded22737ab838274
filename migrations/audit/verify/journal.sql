-- Verify audit:journal on pg
BEGIN;
SELECT size, notable, peaks FROM journal_head WHERE false;
SELECT sequence, leaf_hash, leaf FROM entry WHERE false;
SELECT sequence, salt, content FROM entry_content WHERE false;
SELECT level, place, root, hashes FROM tile WHERE false;
SELECT size, root_sha256, signed_at, note FROM checkpoint WHERE false;
SELECT 1 / (count(*) = 1)::int FROM journal_head;
SELECT 1 / has_function_privilege('trien_audit', 'journal_make(int8)', 'EXECUTE')::int;
-- The process adds; it never changes what stands.
SELECT 1 / (NOT has_table_privilege('trien_audit', t, 'UPDATE, DELETE, TRUNCATE'))::int
  FROM unnest(ARRAY['entry', 'entry_content', 'tile', 'checkpoint']) t;
SELECT 1 / (NOT has_table_privilege('trien_audit', 'journal_head', 'INSERT, DELETE, TRUNCATE'))::int;
ROLLBACK;

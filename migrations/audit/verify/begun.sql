-- Verify audit:begun on pg
BEGIN;

SELECT statement_sha256, officer, key_id, statement, signature, said_at FROM journal_word WHERE false;
SELECT number, entry, begun FROM journal_begun WHERE false;

ROLLBACK;

-- Revert audit:journal from pg
BEGIN;
DROP TABLE checkpoint, tile;
DROP FUNCTION journal_make(int8);
DROP TABLE entry_content, entry, journal_head;
COMMIT;

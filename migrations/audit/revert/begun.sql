-- Revert audit:begun from pg
BEGIN;

DROP TABLE journal_begun, journal_word;

COMMIT;

-- Deploy audit:begun to pg
-- requires: journal
--
-- A journal whose end was lost goes on as a new one. Insert-only, a handful of rows for ever.
BEGIN;

-- What officers have said of a break; a row for each of them. The statement's bytes are what they signed.
CREATE TABLE journal_word (
    statement_sha256 bytea       NOT NULL CHECK (octet_length(statement_sha256) = 32),
    officer          text        NOT NULL,
    key_id           text        NOT NULL,
    statement        bytea       NOT NULL,
    signature        bytea       NOT NULL,
    said_at          timestamptz NOT NULL,
    PRIMARY KEY (statement_sha256, officer),
    UNIQUE (statement_sha256, key_id)
);

CREATE TABLE journal_begun (
    number integer PRIMARY KEY CHECK (number >= 2),
    entry  int8    NOT NULL UNIQUE CHECK (entry >= 0),
    begun  bytea   NOT NULL
);
COMMENT ON TABLE journal_begun IS
    'Journals after the first: the entry that begins each, and the serialised JournalBegun in it.';

GRANT SELECT, INSERT ON journal_word, journal_begun TO trien_audit;

COMMIT;

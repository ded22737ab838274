-- Deploy audit:journal to pg
--
-- Everything but the head is insert-only, for the process too. Entries and their contents lie in
-- tables of their own: a leaf is kept for ever, contents may leave with whole partitions.
BEGIN;

CREATE TABLE journal_head (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    size    int8  NOT NULL DEFAULT 0 CHECK (size >= 0),
    notable int8  NOT NULL DEFAULT 0 CHECK (notable BETWEEN 0 AND size),
    peaks   bytea NOT NULL DEFAULT '' CHECK (octet_length(peaks) % 32 = 0)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE journal_head IS
    'Its row lock orders the writers: sequence numbers are dense and in commit order.';
COMMENT ON COLUMN journal_head.notable IS
    'Entries up to the last one that is not a checkpoint of this journal: what is worth a signature.';
COMMENT ON COLUMN journal_head.peaks IS
    'Hashes of the perfect subtrees the tree is made of, the largest first: an append needs no more.';
INSERT INTO journal_head DEFAULT VALUES;

CREATE TABLE entry (
    sequence  int8  NOT NULL,
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    leaf      bytea NOT NULL,
    PRIMARY KEY (sequence)
) PARTITION BY RANGE (sequence);
COMMENT ON TABLE entry IS 'What the public sees: serialised JournalLeaf, hash as in RFC 9162 2.1.1.';

CREATE TABLE entry_content (
    sequence int8  NOT NULL,
    salt     bytea NOT NULL CHECK (octet_length(salt) = 16),
    content  bytea NOT NULL,
    PRIMARY KEY (sequence)
) PARTITION BY RANGE (sequence);
COMMENT ON TABLE entry_content IS 'What only credentialed readers see: serialised JournalContent.';

-- Partitions of 2^22 entries: the one this number lies in and the next two; how many were made.
CREATE FUNCTION journal_make(from_sequence int8) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    parent text;
    child  text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('journal_make'));
    FOR part IN (from_sequence >> 22)..(from_sequence >> 22) + 2 LOOP
        FOREACH parent IN ARRAY ARRAY['entry', 'entry_content'] LOOP
            child := parent || '_' || part;
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', child,
                           parent, part::int8 << 22, (part::int8 + 1) << 22);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION journal_make(int8) FROM PUBLIC;
SELECT journal_make(0);

-- Hash tiles: 256 neighbours of one level of the tree, once they are complete. Level n covers
-- 256^n entries a hash. Never changed, never updated; what is not complete is read from the entries
-- and from the roots below.
CREATE TABLE tile (
    level  int2  NOT NULL CHECK (level BETWEEN 0 AND 7),
    place  int8  NOT NULL CHECK (place >= 0),
    root   bytea NOT NULL CHECK (octet_length(root) = 32),
    hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
    PRIMARY KEY (level, place)
);
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE checkpoint (
    size        int8        PRIMARY KEY CHECK (size > 0),
    root_sha256 bytea       NOT NULL CHECK (octet_length(root_sha256) = 32),
    signed_at   timestamptz NOT NULL,
    note        text        NOT NULL
);
COMMENT ON TABLE checkpoint IS 'Signed heads, C2SP tlog-checkpoint.';

GRANT SELECT, UPDATE ON journal_head TO trien_audit;
GRANT SELECT, INSERT ON entry, entry_content, tile, checkpoint TO trien_audit;
GRANT EXECUTE ON FUNCTION journal_make(int8) TO trien_audit;

COMMIT;

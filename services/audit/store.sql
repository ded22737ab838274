-- Statements of audit. Times are tx->now, never now().

-- name: lock_head () -> (int8, int8, bytea)
-- Held to the end of the transaction: the next sequence number is ours.
SELECT size, notable, peaks FROM journal_head FOR UPDATE;

-- name: get_head () -> (int8, int8, bytea)
SELECT size, notable, peaks FROM journal_head;

-- name: set_head (int8, int8, bytea)
UPDATE journal_head SET size = $1, notable = $2, peaks = $3;

-- name: insert_entries (int8, bytea[], bytea[])
-- The first one's sequence, leaf hashes, leaves.
INSERT INTO entry (sequence, leaf_hash, leaf)
SELECT $1 + e.n - 1, e.leaf_hash, e.leaf
  FROM unnest($2, $3) WITH ORDINALITY AS e(leaf_hash, leaf, n);

-- name: insert_contents (int8, bytea[], bytea[])
INSERT INTO entry_content (sequence, salt, content)
SELECT $1 + e.n - 1, e.salt, e.content
  FROM unnest($2, $3) WITH ORDINALITY AS e(salt, content, n);

-- name: insert_tile (int2, int8, bytea, bytea)
INSERT INTO tile (level, place, root, hashes) VALUES ($1, $2, $3, $4);

-- name: list_leaf_hashes (int8, int8) -> (bytea)
SELECT leaf_hash FROM entry WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence;

-- name: list_tile_roots (int2, int8, int8) -> (bytea)
SELECT root FROM tile WHERE level = $1 AND place >= $2 AND place < $3 ORDER BY place;

-- name: list_tiles (int2[], int8[], int8) -> (int8, bytea)
-- The number of each asked tile, from 1, and its hashes in a journal of $3 entries: as stored when it is
-- complete, else what there is of it, from the entries or from the roots of the tiles below.
SELECT w.n,
       CASE WHEN (w.place + 1) << (8 * (w.level + 1)) <= $3
            THEN (SELECT t.hashes FROM tile t WHERE t.level = w.level AND t.place = w.place)
            WHEN w.level = 0
            THEN (SELECT string_agg(e.leaf_hash, ''::bytea ORDER BY e.sequence) FROM entry e
                   WHERE e.sequence >= w.place << 8 AND e.sequence < $3)
            ELSE (SELECT string_agg(t.root, ''::bytea ORDER BY t.place) FROM tile t
                   WHERE t.level = w.level - 1 AND t.place >= w.place << 8
                     AND t.place < $3 >> (8 * w.level)) END
  FROM unnest($1, $2) WITH ORDINALITY AS w(level, place, n);

-- name: list_entries (int8, int8) -> (int8, bytea, bytea, bytea, bytea)
-- Salt and content of those alone that begin a new journal: why one does is for everybody.
SELECT e.sequence, e.leaf_hash, e.leaf, c.salt, c.content
  FROM entry e
  LEFT JOIN journal_begun b ON b.entry = e.sequence
  LEFT JOIN LATERAL (SELECT salt, content FROM entry_content c
                      WHERE c.sequence = b.entry OFFSET 0) AS c ON true
 WHERE e.sequence >= $1 AND e.sequence < $2 ORDER BY e.sequence;

-- name: list_journal (int8, int8, int8, int8) -> (int8, bytea, bytea, bytea, bytea)
-- Rows from $1 below $3, $2 at most, with their contents; empty where that has left. The row that
-- goes beyond $4 bytes is the last. A content's size is known without reading it.
SELECT p.sequence, p.leaf_hash, p.leaf, p.salt, p.content
  FROM (SELECT e.sequence, e.leaf_hash, e.leaf, c.salt, c.content,
               sum(octet_length(e.leaf) + coalesce(octet_length(c.content), 0) + 128)
                   OVER (ORDER BY e.sequence ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                   AS bytes_before
          FROM (SELECT sequence, leaf_hash, leaf FROM entry
                 WHERE sequence >= $1 AND sequence < $3 ORDER BY sequence LIMIT $2) AS e
          LEFT JOIN LATERAL (SELECT salt, content FROM entry_content c
                              WHERE c.sequence = e.sequence OFFSET 0) AS c ON true) AS p
 WHERE coalesce(p.bytes_before, 0) < $4
 ORDER BY p.sequence;

-- name: find_last_checkpoint () -> (int8, bytea, timestamptz, text)
SELECT size, root_sha256, signed_at, note FROM checkpoint ORDER BY size DESC LIMIT 1;

-- name: list_checkpoints (int8, int4) -> (int8, text)
SELECT size, note FROM checkpoint WHERE size > $1 ORDER BY size LIMIT $2;

-- name: insert_checkpoint (int8, bytea, timestamptz, text) -> (int8)
-- A repeat changes nothing and says so.
INSERT INTO checkpoint (size, root_sha256, signed_at, note) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING size;

-- name: is_signing () -> (bool)
-- A head waits for its signature.
SELECT EXISTS (SELECT FROM effect WHERE kind = 'checkpoint');

-- name: make_partitions (int8) -> (int4)
SELECT journal_make($1);

-- name: find_journal () -> (int4, int8, bytea)
-- The present journal, when it is not the first.
SELECT number, entry, begun FROM journal_begun ORDER BY number DESC LIMIT 1;

-- name: insert_journal (int4, int8, bytea)
INSERT INTO journal_begun (number, entry, begun) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: list_words (bytea) -> (text, text, bytea)
-- Officers' words on one statement, in the order they were said.
SELECT officer, key_id, signature FROM journal_word WHERE statement_sha256 = $1
 ORDER BY said_at, officer;

-- name: insert_word (bytea, text, text, bytea, bytea, timestamptz)
-- Digest of the statement, officer, officer's key, statement, signature, now.
INSERT INTO journal_word (statement_sha256, officer, key_id, statement, signature, said_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- Statements of status. Times are tx->now, never now().

-- name: insert_certificates (text[], bytea[], text[], timestamptz[], bytea[])
-- A serial number that is there already is a violation, never overwritten: the event becomes a dead
-- letter and its lineage is answered with tryLater.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1, $2, $3, $4, $5) AS c (issuer, serial, lineage_id, not_after, der)
), known AS (
    INSERT INTO certificate_status (issuer, serial, lineage_id, not_after)
    SELECT issuer, serial, lineage_id, not_after FROM given
)
INSERT INTO certificate (issuer, serial, not_after, certificate_der)
SELECT issuer, serial, not_after, der FROM given;

-- name: list_status (text, bytea[]) -> (bytea, bool, text, text, timestamptz, int4, bool)
-- What is known of these serials of one issuer: lineage, status, when and why it was revoked, and
-- whether an event about the lineage waits to be applied. A serial that is not known may be that of
-- any certificate whose issue waits.
SELECT asked.serial, c.serial IS NOT NULL, coalesce(c.lineage_id, ''), coalesce(c.status, ''), c.revoked_at,
       coalesce(c.reason, 0)::integer,
       EXISTS (SELECT FROM dead_letter d
               WHERE d.feed IN ('signing', 'revocation') AND d.state <> 'resolved'
                 AND (d.key = c.lineage_id OR (c.serial IS NULL AND d.type = 'CertificateIssued')))
FROM unnest($2) AS asked (serial)
LEFT JOIN certificate_status c ON c.issuer = $1 AND c.serial = asked.serial;

-- name: set_revoked (text, bytea, timestamptz, int4) -> (text)
-- Final: the first word stands. No row: the certificate is not known yet.
UPDATE certificate_status
   SET status = 'revoked', revoked_at = coalesce(revoked_at, $3),
       reason = CASE status WHEN 'good' THEN nullif($4, 0) ELSE reason END
 WHERE issuer = $1 AND serial = $2
RETURNING lineage_id;

-- name: set_list (text, int8, timestamptz, timestamptz, bytea, int8)
-- Numbers only grow: an older list never comes back.
INSERT INTO revocation_list AS l (issuer, number, this_update, next_update, sha256, size_bytes)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (issuer) DO UPDATE
   SET number = excluded.number, this_update = excluded.this_update,
       next_update = excluded.next_update, sha256 = excluded.sha256, size_bytes = excluded.size_bytes
 WHERE l.number < excluded.number;

-- name: find_list (text) -> (timestamptz, timestamptz, bytea, int8, int8)
SELECT this_update, next_update, sha256, number, size_bytes FROM revocation_list WHERE issuer = $1;

-- name: insert_part (text, int8, int8, bytea)
INSERT INTO revocation_list_part (issuer, number, begins, der) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- name: get_part (text, int8, int8) -> (bytea)
SELECT der FROM revocation_list_part WHERE issuer = $1 AND number = $2 AND begins = $3;

-- name: delete_parts (text, int8)
-- Of every list but the one that is given out and those after $2.
DELETE FROM revocation_list_part p
 WHERE p.issuer = $1 AND p.number <= $2
   AND NOT EXISTS (SELECT FROM revocation_list l WHERE l.issuer = p.issuer AND l.number = p.number);

-- name: find_published (text[], bytea, timestamptz) -> (bytea, timestamptz)
-- $1 the issuers, for the index.
SELECT b.certificate_der, c.published_at
FROM certificate_status c JOIN certificate b USING (issuer, serial, not_after)
WHERE c.issuer = ANY ($1) AND c.serial = $2 AND c.published_at <= $3
ORDER BY c.not_after DESC LIMIT 1;

-- name: find_watermark () -> (int8)
-- Every transaction below it has ended. Read before list_changes: what that misses is not below it.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- name: find_feed_heard () -> (timestamptz)
-- The moment up to which every partition of both feeds is known to be applied; NULL while one has
-- never been followed to its end.
SELECT CASE WHEN count(heard_at) = 128 THEN min(heard_at) END
FROM consumer_cursor WHERE feed IN ('signing', 'revocation');

-- name: list_changes (int8, int4) -> (text, bytea)
SELECT issuer, serial FROM certificate_status WHERE changed_by >= $1 LIMIT $2;

-- name: list_blocked (int4) -> (text)
-- Lineages with events that could not be applied.
SELECT DISTINCT key FROM dead_letter
WHERE feed IN ('signing', 'revocation') AND state <> 'resolved' LIMIT $1;

-- name: list_responder_certificates (bytea, timestamptz) -> (text, bytea, timestamptz, timestamptz)
-- The newest valid one of each issuer for this key.
SELECT DISTINCT ON (issuer) issuer, certificate_der, not_before, not_after
FROM responder_certificate
WHERE key_sha256 = $1 AND not_before <= $2 AND not_after > $2
ORDER BY issuer, not_after DESC, not_before DESC;

-- name: insert_responder_certificate (text, bytea, timestamptz, timestamptz, bytea)
INSERT INTO responder_certificate (issuer, key_sha256, not_before, not_after, certificate_der)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- name: make_partitions (int4, int4) -> (int4)
SELECT make_partitions($1, $2);

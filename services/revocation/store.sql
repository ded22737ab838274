-- Statements of revocation. $-types are in the line of the name; times are tx->now, never now().

-- === certificates ===================================================================================

-- name: insert_certificate (text, text, text, text, text, text, text, text, timestamptz, timestamptz)
INSERT INTO certificate (serial, issuer, lineage_id, certificate_request_id, organ_id, profile,
                         device_serial, subscriber_name, not_before, not_after, came_from, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'new', 'valid');

-- name: lock_certificate (text) -> (text, text, text, text, text, text, text, text, timestamptz, text, timestamptz, int4, text)
SELECT serial, issuer, lineage_id, certificate_request_id, organ_id, profile, device_serial,
       subscriber_name, not_after, state, revoked_at, reason::integer, cause
  FROM certificate WHERE serial = $1 FOR UPDATE;

-- name: find_certificate (text) -> (text, text, text, text, text, text, text, text, timestamptz, text, timestamptz, int4, text)
SELECT serial, issuer, lineage_id, certificate_request_id, organ_id, profile, device_serial,
       subscriber_name, not_after, state, revoked_at, reason::integer, cause
  FROM certificate WHERE serial = $1;

-- name: set_revoked (text, timestamptz, int4, text, timestamptz, text, text, text, text)
UPDATE certificate
   SET state = 'revoked', revoked_at = $2, reason = $3, cause = $4, invalidity_at = $5,
       request_id = $6, item_id = $7, principal = $8, note = $9
 WHERE serial = $1;

-- name: set_expired (timestamptz, int4) -> (text, text, text, text, text, text, text, text, timestamptz, text, timestamptz, int4, text)
WITH over AS (
    SELECT serial FROM certificate WHERE state = 'valid' AND not_after < $1
     ORDER BY not_after LIMIT $2 FOR UPDATE SKIP LOCKED)
UPDATE certificate c SET state = 'expired'
  FROM over WHERE c.serial = over.serial
RETURNING c.serial, c.issuer, c.lineage_id, c.certificate_request_id, c.organ_id, c.profile,
          c.device_serial, c.subscriber_name, c.not_after, c.state, c.revoked_at,
          c.reason::integer, c.cause;

-- name: lock_officer (text) -> (bool)
-- Until the end of the transaction: two calls of one officer are counted one after the other.
SELECT pg_advisory_xact_lock(21590, hashtext($1)) IS NULL;

-- name: count_revoked_by (text, timestamptz) -> (int8)
SELECT count(*) FROM certificate WHERE principal = $1 AND revoked_at > $2;

-- name: make_partitions (timestamptz, int4) -> (int4)
SELECT month_make($1, $2);

-- === lists ==========================================================================================

-- name: insert_issuer (text)
INSERT INTO issuer (issuer) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: lock_issuer (text) -> (bool, int8, text, timestamptz, timestamptz, timestamptz, bool, int8, bool, timestamptz, int8, int8)
-- The newest list of all, and the newest that was issued; last, whether anybody still has the newest
-- one signed: the intent is written and finished in one transaction with the list's state.
SELECT i.number_known, i.last_number, l.state, l.this_update,
       e.this_update, e.next_update,
       EXISTS (SELECT FROM certificate c
                WHERE c.issuer = i.issuer AND c.state = 'revoked' AND c.first_number IS NULL),
       i.asked,
       EXISTS (SELECT FROM effect f
                WHERE f.kind = 'sign_list'
                  AND starts_with(f.key, format('%s/%s/%s', i.issuer, l.number,
                                            extract(epoch FROM l.this_update)::bigint))),
       i.listed_from, e.size_bytes, i.behind_number
  FROM issuer i
  LEFT JOIN LATERAL (SELECT number, state, this_update FROM revocation_list n WHERE n.issuer = i.issuer
                      ORDER BY number DESC LIMIT 1) l ON true
  LEFT JOIN LATERAL (SELECT this_update, next_update, size_bytes FROM revocation_list n
                      WHERE n.issuer = i.issuer AND n.state = 'issued'
                      ORDER BY number DESC LIMIT 1) e ON true
 WHERE i.issuer = $1 FOR UPDATE OF i;

-- name: set_number (text, int8)
UPDATE issuer SET number_known = true, last_number = $2 WHERE issuer = $1;

-- name: set_signers_number (text, int8) -> (bool)
-- The signer's newest. Is it beyond ours? Then it signed lists of which nothing is known here.
UPDATE issuer
   SET number_known = $2 <= last_number, last_number = least($2, last_number),
       behind_number = CASE WHEN $2 > last_number THEN $2 END
 WHERE issuer = $1
RETURNING behind_number IS NOT NULL;

-- name: set_number_accepted (text, int8) -> (bool)
-- People have seen to it that nothing is missing. No row: the signer is not ahead by that number.
UPDATE issuer SET number_known = true, last_number = $2, behind_number = NULL
 WHERE issuer = $1 AND behind_number = $2
RETURNING true;

-- name: set_number_unknown (text, int8)
-- $2: ours is this one at most; NULL: it stays.
UPDATE issuer SET number_known = false, asked = asked + 1, last_number = least(last_number, $2)
 WHERE issuer = $1;

-- name: take_fresh (text, int8, int4) -> (text, timestamptz)
-- What is on no list yet is on list $2 from now on; the pages it lies in, and when the first of each ends.
WITH waiting AS (
    SELECT serial FROM certificate
     WHERE issuer = $1 AND state = 'revoked' AND first_number IS NULL LIMIT $3),
fresh AS (
    UPDATE certificate c SET first_number = $2 FROM waiting WHERE c.serial = waiting.serial
    RETURNING c.serial, c.not_after)
SELECT revocation_bucket(serial), min(not_after) FROM fresh GROUP BY 1;

-- name: list_left (text, timestamptz, timestamptz) -> (text)
-- Pages with certificates that ended between the two.
SELECT DISTINCT revocation_bucket(serial) FROM certificate
 WHERE issuer = $1 AND state = 'revoked' AND not_after >= $2 AND not_after < $3;

-- name: set_listed_from (text, timestamptz)
UPDATE issuer SET listed_from = $2 WHERE issuer = $1;

-- name: list_entries (text, text[], timestamptz, int8) -> (text, text, timestamptz, int4, timestamptz)
-- Of these pages, what a list carries. Serials of a page have one length: their texts are in the order
-- of numbers. What list $4 is the first to carry stands on it, also when its time is long over (RFC 5280
-- 3.3).
SELECT revocation_bucket(serial), serial, revoked_at, reason::integer, invalidity_at
  FROM certificate
 WHERE issuer = $1 AND state = 'revoked' AND revocation_bucket(serial) = ANY ($2)
   AND first_number IS NOT NULL AND (not_after >= $3 OR first_number >= $4)
 ORDER BY revocation_bucket(serial) COLLATE "C", serial COLLATE "C";

-- name: set_pages (text, int8, uuid[], text[], int4[], bytea[])
-- What a page held for lists before this one is kept beside it.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($3, $4, $5, $6) AS g (page_id, bucket, entries, entries_der)
), past AS (
    INSERT INTO revocation_page_past (page_id, issuer, bucket, number, until, entries_der)
    SELECT g.page_id, p.issuer, p.bucket, p.number, $2, p.entries_der
      FROM given g JOIN revocation_page p ON p.issuer = $1 AND p.bucket = g.bucket
     WHERE p.number < $2
)
INSERT INTO revocation_page (issuer, bucket, number, entries, entries_der)
SELECT $1, bucket, $2, entries, entries_der FROM given
ON CONFLICT (issuer, bucket) DO UPDATE
   SET number = excluded.number, entries = excluded.entries, entries_der = excluded.entries_der;

-- name: sum_pages (text) -> (int8, int8)
SELECT coalesce(sum(entries), 0)::bigint, coalesce(sum(octet_length(entries_der)), 0)::bigint
  FROM revocation_page WHERE issuer = $1;

-- name: get_pages (text, int8, int8, int8) -> (int8, bytea)
-- The pages of list $2 in which bytes from $3 to before $4 of its entries lie, and where each begins.
SELECT begins, entries_der
  FROM (SELECT entries_der, octet_length(entries_der) AS size,
               (sum(octet_length(entries_der)) OVER (ORDER BY bucket))::bigint
               - octet_length(entries_der) AS begins
          FROM (SELECT bucket, entries_der FROM revocation_page WHERE issuer = $1 AND number <= $2
                UNION ALL
                SELECT bucket, entries_der FROM revocation_page_past
                 WHERE issuer = $1 AND number <= $2 AND until > $2) p) placed
 WHERE begins < $4 AND begins + size > $3
 ORDER BY begins;

-- name: insert_list (text, int8, timestamptz, timestamptz, int8, int8)
WITH again AS (
    UPDATE revocation_list SET state = 'written', this_update = $3, next_update = $4, entries = $5,
           entries_bytes = $6, why = NULL
     WHERE issuer = $1 AND number = $2 AND state = 'refused' RETURNING number)
INSERT INTO revocation_list (issuer, number, this_update, next_update, entries, entries_bytes,
                             came_from, state)
SELECT $1, $2, $3, $4, $5, $6, 'new', 'written' WHERE NOT EXISTS (SELECT FROM again);

-- name: set_list_issued (text, int8, timestamptz, uuid, bytea, int8, bytea, bytea) -> (bool)
-- No row: it is not the list that is on its way.
UPDATE revocation_list
   SET state = 'issued', list_id = $4, sha256 = $5, size_bytes = $6, signature = $7, tbs_sha256 = $8
 WHERE issuer = $1 AND number = $2 AND this_update = $3 AND state = 'written'
RETURNING true;

-- name: set_list_refused (text, int8, text)
UPDATE revocation_list SET state = 'refused', why = $3
 WHERE issuer = $1 AND number = $2 AND state = 'written';

-- name: get_list (text, int8) -> (int8, timestamptz, timestamptz, int8, int8, bytea, int8, bytea, uuid)
-- $2 NULL: the newest.
SELECT number, this_update, next_update, entries, size_bytes, sha256, entries_bytes, signature, list_id
  FROM revocation_list
 WHERE issuer = $1 AND state = 'issued' AND number <= coalesce($2, 9223372036854775807)
   AND ($2 IS NULL OR number = $2)
 ORDER BY number DESC LIMIT 1;

-- name: get_written (text, int8) -> (int8, timestamptz, timestamptz, int8, int8)
-- The list that is on its way to the signer; $2 NULL: whatever its number is.
SELECT number, this_update, next_update, entries, entries_bytes FROM revocation_list
 WHERE issuer = $1 AND number = coalesce($2, number) AND state = 'written';

-- name: get_body (uuid, int4, int4) -> (bytea)
-- Of a list from before there were pages.
SELECT substring(crl_der FROM $2 FOR $3) FROM revocation_list_body WHERE list_id = $1;

-- name: list_lists (text, int8, int4) -> (int8, timestamptz, timestamptz, int8, int8, bytea)
SELECT number, this_update, next_update, entries, size_bytes, sha256 FROM revocation_list
 WHERE issuer = $1 AND state = 'issued' AND number < $2
 ORDER BY number DESC LIMIT $3;

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

-- name: lock_issuer (text) -> (bool, int8, text, timestamptz, timestamptz, timestamptz, bool, int8, bool)
-- The newest list of all, and the newest that was issued; last, whether anybody still has the newest
-- one signed: the intent is written and finished in one transaction with the list's state.
SELECT i.number_known, i.last_number, l.state, l.this_update,
       e.this_update, e.next_update,
       EXISTS (SELECT FROM certificate c
                WHERE c.issuer = i.issuer AND c.state = 'revoked' AND c.first_number IS NULL),
       i.asked,
       EXISTS (SELECT FROM effect f
                WHERE f.kind = 'sign_list'
                  AND f.key = format('%s/%s/%s', i.issuer, l.number,
                                     extract(epoch FROM l.this_update)::bigint))
  FROM issuer i
  LEFT JOIN LATERAL (SELECT number, state, this_update FROM revocation_list n WHERE n.issuer = i.issuer
                      ORDER BY number DESC LIMIT 1) l ON true
  LEFT JOIN LATERAL (SELECT this_update, next_update FROM revocation_list n
                      WHERE n.issuer = i.issuer AND n.state = 'issued'
                      ORDER BY number DESC LIMIT 1) e ON true
 WHERE i.issuer = $1 FOR UPDATE OF i;

-- name: set_number (text, int8)
UPDATE issuer SET number_known = true, last_number = $2 WHERE issuer = $1;

-- name: set_number_unknown (text)
UPDATE issuer SET number_known = false, asked = asked + 1 WHERE issuer = $1;

-- name: take_entries (text, int8, timestamptz) -> (text, timestamptz, int4, timestamptz)
-- One snapshot for both: what is marked is on the list. Ascending by number, which for hexadecimal
-- without leading zeros is by length, then by text.
WITH fresh AS (
    UPDATE certificate SET first_number = $2
     WHERE issuer = $1 AND state = 'revoked' AND first_number IS NULL)
SELECT serial, revoked_at, reason::integer, invalidity_at
  FROM certificate
 WHERE issuer = $1 AND state = 'revoked' AND not_after >= $3
 ORDER BY length(serial), serial COLLATE "C";

-- name: insert_list (text, int8, timestamptz, timestamptz, int8, bytea)
WITH again AS (
    UPDATE revocation_list SET state = 'written', this_update = $3, next_update = $4, entries = $5,
           tbs_sha256 = $6, why = NULL
     WHERE issuer = $1 AND number = $2 AND state = 'refused' RETURNING number)
INSERT INTO revocation_list (issuer, number, this_update, next_update, entries, tbs_sha256,
                             came_from, state)
SELECT $1, $2, $3, $4, $5, $6, 'new', 'written' WHERE NOT EXISTS (SELECT FROM again);

-- name: set_list_issued (text, int8, uuid, bytea, int8)
UPDATE revocation_list SET state = 'issued', list_id = $3, sha256 = $4, size_bytes = $5
 WHERE issuer = $1 AND number = $2;

-- name: insert_body (uuid, bytea)
INSERT INTO revocation_list_body (list_id, crl_der) VALUES ($1, $2);

-- name: set_list_refused (text, int8, text)
UPDATE revocation_list SET state = 'refused', why = $3
 WHERE issuer = $1 AND number = $2 AND state = 'written';

-- name: get_list (text, int8, int4, int4) -> (int8, timestamptz, timestamptz, int8, int8, bytea, bytea)
-- $2 NULL: the newest.
SELECT l.number, l.this_update, l.next_update, l.entries, l.size_bytes, l.sha256,
       substring(b.crl_der FROM $3 FOR $4)
  FROM (SELECT * FROM revocation_list
         WHERE issuer = $1 AND state = 'issued' AND number <= coalesce($2, 9223372036854775807)
         ORDER BY number DESC LIMIT 1) l
  JOIN revocation_list_body b USING (list_id)
 WHERE $2 IS NULL OR l.number = $2;

-- name: list_lists (text, int8, int4) -> (int8, timestamptz, timestamptz, int8, int8, bytea)
SELECT number, this_update, next_update, entries, size_bytes, sha256 FROM revocation_list
 WHERE issuer = $1 AND state = 'issued' AND number < $2
 ORDER BY number DESC LIMIT $3;

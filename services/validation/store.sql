-- Statements of validation. $-types are in the line of the name; times are tx->now, never now().

-- === requests =======================================================================================

-- name: insert_requests (uuid[], text[], text[], text[], timestamptz[], bytea[], int8[], bytea[], int8[])
-- $8 and $9 digests and sizes of the attachments: the same for all, most have none.
INSERT INTO request (request_id, receipt_number, client_id, channel, received_at, document_sha256,
                     document_size_bytes, attachment_sha256, attachment_size_bytes, came_from, state)
SELECT r.request_id, r.receipt, r.client, r.channel, r.received, r.sha256, r.size, $8, $9, 'new',
       'examining'
  FROM unnest($1, $2, $3, $4, $5, $6, $7)
       AS r(request_id, receipt, client, channel, received, sha256, size);

-- name: find_facts (text, text, bytea[], int4) -> (int8, int8, text, text, text, date, date, text, text, text, text, text)
-- All a decision asks of the database, in one round trip: versions, the agency, the roles of the
-- document's signers (s, o or -, in their order), who came first with this document; a row per
-- contact, one row without. $1 number of the document, $2 agency, $3 signers, $4 year
SELECT k.version, k.crl_version, k.calendar_version, a.name, a.province, a.valid_from, a.valid_to,
       (SELECT string_agg(coalesce(left(s.role, 1), '-'), '' ORDER BY w.n)
          FROM unnest($3) WITH ORDINALITY AS w(sha256, n)
          LEFT JOIN agency_signer s ON s.organ_id = $2 AND s.certificate_sha256 = w.sha256
                                   AND s.withdrawn_at IS NULL),
       d.receipt_number, c.name, c.email, c.mobile
  FROM knowledge k
  LEFT JOIN agency a ON a.organ_id = $2
  LEFT JOIN official_document d ON d.organ_id = $2 AND d.year = $4 AND d.number = $1
  LEFT JOIN agency_contact c ON c.organ_id = $2
 ORDER BY c.position;

-- name: claim_documents (text[], text[], int4[], uuid[], text[]) -> (int8)
-- Only queued. Another request has claimed one since the facts were read: the transaction fails, the
-- next try reads them again and names it.
-- $1 numbers, $2 agencies, $3 years, $4 requests, $5 receipts
WITH claimed AS (
    INSERT INTO official_document (organ_id, year, number, request_id, receipt_number)
    SELECT d.organ_id, d.year, d.number, d.request_id, d.receipt
      FROM unnest($1, $2, $3, $4, $5) AS d(number, organ_id, year, request_id, receipt)
    ON CONFLICT DO NOTHING
    RETURNING 1)
SELECT expect_rows((SELECT count(*) FROM claimed), cardinality($1));

-- name: set_accepted (uuid[], timestamptz, text[], text[], text[], date[], int4[], date[], bool[], text[], text[], text[])
UPDATE request r SET came_from = state, state = 'accepted', decided_at = $2, form = a.form,
       organ_id = a.organ_id, document_number = a.number, document_date = a.dated,
       item_count = a.items, due_on = a.due_on, due_is_provisional = a.provisional,
       calendar_version = a.calendar, signers = a.signers, remarks = a.remarks::jsonb
  FROM unnest($1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       AS a(request_id, form, organ_id, number, dated, items, due_on, provisional, calendar, signers,
            remarks)
 WHERE r.request_id = a.request_id;

-- name: insert_items (uuid[], int4[], text[], text[], text[], bytea[])
INSERT INTO item (request_id, number, subscriber_name, profile, device_kind, key_sha256)
SELECT i.request_id, i.number, i.name, i.profile, i.device_kind, i.key_sha256
  FROM unnest($1, $2, $3, $4, $5, $6)
       AS i(request_id, number, name, profile, device_kind, key_sha256);

-- name: set_rejected (uuid, timestamptz, text, text, text, date, text, jsonb, jsonb)
UPDATE request SET came_from = state, state = 'rejected', decided_at = $2, form = $3, organ_id = $4,
       document_number = $5, document_date = $6, signers = $7, reasons = $8, remarks = $9
 WHERE request_id = $1;

-- name: make_partitions (timestamptz, int4) -> (int4)
SELECT month_make($1, $2);

-- === waiting for revocation lists (crl_version), or for officers (no crl_version) ===================

-- name: set_waiting (uuid)
UPDATE request SET came_from = state, state = 'waiting' WHERE request_id = $1;

-- name: insert_waiting (uuid, text, timestamptz, int8, int4)
INSERT INTO waiting (request_id, issuer, waiting_since, crl_version, round)
VALUES ($1, $2, $3, $4, $5);

-- name: wake_waiting (int4) -> (uuid, text, timestamptz, bytea, int8, int4, bytea[], int8[])
-- Requests judged with older lists than there are now; they are examined again.
WITH woken AS (
    SELECT w.request_id FROM waiting w, knowledge k
     WHERE w.crl_version < k.crl_version
     ORDER BY w.crl_version LIMIT $1 FOR UPDATE OF w SKIP LOCKED),
gone AS (
    DELETE FROM waiting w USING woken WHERE w.request_id = woken.request_id
    RETURNING w.request_id, w.round)
UPDATE request r SET came_from = r.state, state = 'examining'
  FROM gone WHERE r.request_id = gone.request_id
RETURNING r.request_id, r.receipt_number, r.received_at, r.document_sha256, r.document_size_bytes,
          gone.round + 1, r.attachment_sha256, r.attachment_size_bytes;

-- name: wake_reviewed (uuid) -> (uuid, text, timestamptz, bytea, int8, int4, bytea[], int8[])
-- The same for one request whose officers have decided.
WITH gone AS (DELETE FROM waiting WHERE request_id = $1 RETURNING request_id, round)
UPDATE request r SET came_from = r.state, state = 'examining'
  FROM gone WHERE r.request_id = gone.request_id
RETURNING r.request_id, r.receipt_number, r.received_at, r.document_sha256, r.document_size_bytes,
          gone.round + 1, r.attachment_sha256, r.attachment_size_bytes;

-- name: count_waiting () -> (int8, timestamptz, int8, timestamptz)
-- For a list, and for officers.
SELECT count(crl_version), min(waiting_since) FILTER (WHERE crl_version IS NOT NULL),
       count(*) - count(crl_version), min(waiting_since) FILTER (WHERE crl_version IS NULL)
  FROM waiting;

-- === reviews ========================================================================================

-- name: insert_review (uuid, text, text, text, text, text, int4, timestamptz)
INSERT INTO review (request_id, form, organ_id, agency_name, document_number, document_date, item_count, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING;

-- name: lock_review (uuid) -> (uuid)
-- While it is open: votes are counted one after the other.
SELECT request_id FROM waiting WHERE request_id = $1 AND crl_version IS NULL FOR UPDATE;

-- name: insert_vote (uuid, text, bool, text, timestamptz)
INSERT INTO review_vote (request_id, officer, approves, note, voted_at) VALUES ($1, $2, $3, $4, $5);

-- name: list_votes (uuid) -> (text, bool, text, timestamptz)
SELECT officer, approves, note, voted_at FROM review_vote WHERE request_id = $1 ORDER BY voted_at, officer;

-- name: list_reviews (uuid) -> (uuid, text, text, text, text, text, text, int4, timestamptz)
-- One, or the open ones.
SELECT v.request_id, r.receipt_number, v.form, v.organ_id, v.agency_name, v.document_number, v.document_date,
       v.item_count, v.asked_at
FROM review v JOIN request r USING (request_id)
WHERE CASE WHEN $1 IS NULL
           THEN v.request_id IN (SELECT request_id FROM waiting WHERE crl_version IS NULL
                                 ORDER BY request_id LIMIT 200)
           ELSE v.request_id = $1 END
ORDER BY v.asked_at, v.request_id;

-- === revocation lists ===============================================================================

-- name: insert_sources (text[], timestamptz)
INSERT INTO crl_source (url, next_fetch_at) SELECT u, $2 FROM unnest($1) AS u
ON CONFLICT DO NOTHING;

-- name: set_source_due (text, bytea, timestamptz, timestamptz)
-- The list of authority $2 is needed now: $3, unless it was tried after $4.
INSERT INTO crl_source AS s (url, issuer_sha256, next_fetch_at) VALUES ($1, $2, $3)
ON CONFLICT (url) DO UPDATE
   SET issuer_sha256 = coalesce(s.issuer_sha256, $2), next_fetch_at = least(s.next_fetch_at, $3)
 WHERE s.fetched_at IS NULL OR s.fetched_at < $4;

-- name: take_due_sources (timestamptz, timestamptz, timestamptz) -> (text)
-- Due at $1; next time at $2, or at $3 while the authority's list is stale or has never come.
UPDATE crl_source s
   SET next_fetch_at = CASE WHEN EXISTS (SELECT FROM crl c WHERE c.issuer_sha256 = s.issuer_sha256
                                            AND c.next_update > $2)
                            THEN $2 ELSE $3 END
 WHERE s.next_fetch_at <= $1
RETURNING s.url;

-- name: set_source_fetched (text, bytea, timestamptz, text)
UPDATE crl_source SET issuer_sha256 = coalesce($2, issuer_sha256), fetched_at = $3, last_error = $4
 WHERE url = $1;

-- name: find_crl (bytea) -> (bytea, text, timestamptz)
SELECT sha256, number, this_update FROM crl WHERE issuer_sha256 = $1 FOR UPDATE;

-- name: set_crl (bytea, bytea, text, timestamptz, timestamptz, timestamptz, text, bytea)
INSERT INTO crl (issuer_sha256, sha256, number, this_update, next_update, fetched_at, url, crl_der)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (issuer_sha256) DO UPDATE
   SET sha256 = excluded.sha256, number = excluded.number, this_update = excluded.this_update,
       next_update = excluded.next_update, fetched_at = excluded.fetched_at, url = excluded.url,
       crl_der = excluded.crl_der;

-- name: list_crls () -> (text, bytea, text, timestamptz, timestamptz, timestamptz, text, bytea)
-- Every place lists come from with the list it gave; the digest of the list last.
SELECT s.url, coalesce(s.issuer_sha256, ''::bytea), c.number, c.this_update, c.next_update,
       s.fetched_at, s.last_error, c.sha256
  FROM crl_source s LEFT JOIN crl c USING (issuer_sha256)
 ORDER BY s.url;

-- name: get_crl (bytea) -> (bytea)
SELECT crl_der FROM crl WHERE sha256 = $1;

-- === knowledge ======================================================================================

-- name: get_knowledge () -> (int8, int8, text)
SELECT version, crl_version, calendar_version FROM knowledge;

-- name: next_knowledge () -> (int8)
UPDATE knowledge SET version = nextval('knowledge_version') RETURNING version;

-- name: next_crl_knowledge () -> (int8)
UPDATE knowledge SET version = nextval('knowledge_version'), crl_version = crl_version + 1
RETURNING version;

-- name: list_signers_since (int8) -> (bytea)
SELECT certificate_sha256 FROM agency_signer WHERE version > $1;

-- === the registry ===================================================================================

-- name: set_agency (text, text, text, date, date, timestamptz) -> (bool)
INSERT INTO agency (organ_id, name, province, valid_from, valid_to, updated_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organ_id) DO UPDATE
   SET name = excluded.name, province = excluded.province, valid_from = excluded.valid_from,
       valid_to = excluded.valid_to, updated_at = excluded.updated_at
RETURNING xmax = 0;

-- name: delete_contacts (text)
DELETE FROM agency_contact WHERE organ_id = $1;

-- name: insert_contacts (text, text[], text[], text[])
INSERT INTO agency_contact (organ_id, position, name, email, mobile)
SELECT $1, c.n, c.name, c.email, c.mobile
  FROM unnest($2, $3, $4) WITH ORDINALITY AS c(name, email, mobile, n);

-- name: set_signer (text, bytea, text, bytea, text, timestamptz, int8, timestamptz)
INSERT INTO agency_signer (organ_id, certificate_sha256, role, certificate_der, subject, not_after,
                           version, added_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (organ_id, certificate_sha256) DO UPDATE
   SET role = excluded.role, version = excluded.version, withdrawn_at = NULL;

-- name: set_signer_withdrawn (text, bytea, timestamptz) -> (bool)
-- Whether it was withdrawn before; no row: the agency has no such signer.
WITH before AS (
    SELECT organ_id, certificate_sha256, withdrawn_at IS NOT NULL AS was FROM agency_signer
     WHERE organ_id = $1 AND certificate_sha256 = $2 FOR UPDATE
)
UPDATE agency_signer s SET withdrawn_at = coalesce(s.withdrawn_at, greatest($3, s.added_at))
  FROM before b WHERE (s.organ_id, s.certificate_sha256) = (b.organ_id, b.certificate_sha256)
RETURNING b.was;

-- name: list_agencies (text, text, int4) -> (text, text, text, date, date)
-- $1 one agency or NULL; those after $2 in order, $3 at most
SELECT organ_id, name, province, valid_from, valid_to FROM agency
 WHERE ($1 IS NULL OR organ_id = $1) AND organ_id > $2
 ORDER BY organ_id LIMIT $3;

-- name: list_contacts (text[]) -> (text, text, text, text)
SELECT organ_id, name, email, mobile FROM agency_contact WHERE organ_id = ANY ($1)
 ORDER BY organ_id, position;

-- name: list_signers (text[]) -> (text, text, bytea, text, timestamptz, timestamptz)
SELECT organ_id, role, certificate_der, subject, not_after, withdrawn_at FROM agency_signer
 WHERE organ_id = ANY ($1) ORDER BY organ_id, role DESC, added_at;

-- === certificates ===================================================================================

-- name: insert_certificates (text[], uuid[], int4[], text[], text[], text[], text[], text[], timestamptz[])
-- The agency and the kind of device are the request's own; without them the row is refused.
INSERT INTO certificate (serial, organ_id, request_id, item_number, issuer, lineage_id, profile,
                         subscriber_name, device_serial, not_after, device_kind, came_from, state)
SELECT c.serial, (SELECT r.organ_id FROM request r WHERE r.request_id = c.request_id),
       c.request_id, c.number, c.issuer, c.lineage_id, c.profile, c.name, c.device_serial,
       c.not_after, (SELECT i.device_kind FROM item i
                      WHERE i.request_id = c.request_id AND i.number = c.number), 'new', 'valid'
  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
       AS c(serial, request_id, number, issuer, lineage_id, profile, name, device_serial, not_after)
ON CONFLICT DO NOTHING;

-- name: find_certificates (text[]) -> (text, text, text, text, text, text, text)
-- In the order of the serial numbers asked for; a row of NULLs for one that is not known.
SELECT w.serial, c.organ_id, c.state, c.profile, c.subscriber_name, c.device_kind, c.device_serial
  FROM unnest($1) WITH ORDINALITY AS w(serial, n) LEFT JOIN certificate c USING (serial)
 ORDER BY w.n;

-- name: find_followed_to () -> (timestamptz)
-- Up to when all that signing said is applied; NULL while a partition has never been followed to its
-- end, or something it said could not be applied.
SELECT CASE WHEN count(heard_at) = 64
             AND NOT EXISTS (SELECT FROM dead_letter WHERE feed = 'signing' AND state <> 'resolved')
            THEN min(heard_at) END
  FROM consumer_cursor WHERE feed = 'signing';

-- name: find_roles (text, bytea[]) -> (text)
SELECT coalesce(string_agg(coalesce(left(s.role, 1), '-'), '' ORDER BY w.n), '')
  FROM unnest($2) WITH ORDINALITY AS w(sha256, n)
  LEFT JOIN agency_signer s ON s.organ_id = $1 AND s.certificate_sha256 = w.sha256
                           AND s.withdrawn_at IS NULL;

-- name: set_certificate_state (text, text) -> (text)
UPDATE certificate SET came_from = CASE state WHEN 'valid' THEN state ELSE came_from END,
       state = CASE state WHEN 'valid' THEN $2 ELSE state END
 WHERE serial = $1
RETURNING state;

-- === the calendar ===================================================================================

-- name: insert_calendar (text, int4, timestamptz) -> (bool)
INSERT INTO calendar (version, last_year, loaded_at) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING true;

-- name: insert_calendar_days (text, text[], text[], text[], text[], text[])
INSERT INTO calendar_day (version, day, kind, status, name_vi, source)
SELECT $1, d.day::date, d.kind, d.status, d.name_vi, d.source
  FROM unnest($2, $3, $4, $5, $6) AS d(day, kind, status, name_vi, source);

-- name: set_calendar (text)
UPDATE knowledge SET version = nextval('knowledge_version'), calendar_version = $1
 WHERE calendar_version IS DISTINCT FROM $1;

-- name: list_calendar_days (text) -> (date, text, text)
SELECT day, kind, status FROM calendar_day WHERE version = $1 ORDER BY day;

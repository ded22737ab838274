-- Statements of intake. $-types are in the line of the name; times are tx->now, never now().

-- name: insert_posts (bytea[], uuid[], timestamptz, bytea[], text[], text, bytea[]) -> (int4, text, int8, bool)
-- Posts in one round trip: who is calling, is it new, and if so the request. A row for each whose
-- caller is known: its place among them (from 1) and the caller. Receipt NULL: these bytes are known.
-- Last column false: the key was used with other bytes. Digests are taken before keys and both in
-- their order, everywhere, so posts never wait for each other in a circle.
-- $1 token digests, $2 requests, $3 now, $4 post digests, $5 idempotency keys or NULL, $6 channel,
-- $7 document digests
WITH given AS MATERIALIZED (
    SELECT p.place, c.client_id, p.request_id, p.sha256, p.key, p.document
    FROM unnest($1, $2, $4, $5, $7)
         WITH ORDINALITY AS p (token, request_id, sha256, key, document, place)
    JOIN client c ON c.token_sha256 = p.token AND c.revoked_at IS NULL
), digest AS (
    INSERT INTO post_digest (sha256, request_id, receipt_no, received_at)
    SELECT g.sha256, g.request_id, nextval('receipt_number'), $3 FROM given g
    WHERE NOT EXISTS (SELECT FROM post_digest d WHERE d.sha256 = g.sha256)
    ORDER BY g.sha256
    ON CONFLICT (sha256) DO NOTHING
    RETURNING request_id, receipt_no
), fresh AS MATERIALIZED (
    SELECT g.*, d.receipt_no FROM digest d JOIN given g USING (request_id)
), key AS (
    INSERT INTO post_key (client_id, idempotency_key, post_sha256)
    SELECT client_id, key, sha256 FROM fresh WHERE key IS NOT NULL ORDER BY client_id, key
    ON CONFLICT DO NOTHING
    RETURNING post_sha256
), new_request AS (
    INSERT INTO request (request_id, receipt_no, client_id, channel, received_at, state,
                         document_sha256)
    SELECT request_id, receipt_no, client_id, $6, $3, 'received', document FROM fresh
)
SELECT g.place::integer, g.client_id, f.receipt_no,
       g.key IS NULL OR EXISTS (SELECT FROM key k WHERE k.post_sha256 = g.sha256)
FROM given g LEFT JOIN fresh f USING (place);

-- name: insert_part (uuid, int2, text, text, bytea, bytea)
INSERT INTO document (request_id, part, name, content_type, sha256, content)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: find_post (bytea) -> (uuid, int8, timestamptz)
SELECT request_id, receipt_no, received_at FROM post_digest WHERE sha256 = $1;

-- name: insert_key (text, text, bytea) -> (bytea)
-- The digest the key stands for, taken now or before. No row: another post is taking it this moment.
WITH taken AS (
    INSERT INTO post_key (client_id, idempotency_key, post_sha256) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
    RETURNING post_sha256
)
SELECT post_sha256 FROM taken
UNION ALL
SELECT post_sha256 FROM post_key WHERE client_id = $1 AND idempotency_key = $2
LIMIT 1;

-- name: find_key (text, text) -> (bytea)
SELECT post_sha256 FROM post_key WHERE client_id = $1 AND idempotency_key = $2;

-- name: count_pieces (text) -> (int8)
-- Sizes only: no content is read.
SELECT coalesce(sum(octet_length(content)), 0)::bigint FROM piece WHERE client_id = $1;

-- name: insert_piece (text, text, int2, int8, bytea, timestamptz) -> (bool)
-- A row when it stands there now, put this time or before; none when other bytes do.
INSERT INTO piece AS p (client_id, idempotency_key, part, begins_at, content, put_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (client_id, idempotency_key, part, begins_at) DO UPDATE SET put_at = $6
WHERE p.content = $5
RETURNING true;

-- name: join_pieces (text, text, int2, int8) -> (bytea)
-- Nothing is read of what is too large.
SELECT string_agg(content, '' ORDER BY begins_at) FROM piece
WHERE client_id = $1 AND idempotency_key = $2 AND part = $3
  AND (SELECT sum(octet_length(content)) FROM piece
       WHERE client_id = $1 AND idempotency_key = $2 AND part = $3) <= $4
HAVING count(*) > 0;

-- name: delete_pieces (text, text)
DELETE FROM piece WHERE client_id = $1 AND idempotency_key = $2;

-- name: delete_pieces_before (timestamptz)
DELETE FROM piece WHERE put_at < $1;

-- name: find_part (uuid, int2, int8, int8) -> (bytea, int8, bytea)
-- A slice of a part, its whole size and digest; EXTERNAL storage reads only the slice.
SELECT substr(content, $3::integer + 1, $4::integer), octet_length(content)::bigint, sha256
FROM document WHERE request_id = $1 AND part = $2;

-- name: insert_client (text, text, bytea, text[], timestamptz) -> (bool)
-- No row: its id or its token is there already.
INSERT INTO client (client_id, name, token_sha256, organ_ids, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING true;

-- name: find_client (text) -> (bytea, bool)
SELECT token_sha256, revoked_at IS NOT NULL FROM client WHERE client_id = $1;

-- name: set_client_revoked (text, timestamptz) -> (bool)
-- Whether it was revoked before; no row: no such client.
WITH before AS (
    SELECT client_id, revoked_at IS NOT NULL AS was FROM client WHERE client_id = $1 FOR UPDATE
)
UPDATE client c SET revoked_at = coalesce(revoked_at, greatest($2, created_at))
FROM before WHERE c.client_id = before.client_id
RETURNING before.was;

-- name: list_clients () -> (text, text, text, timestamptz, timestamptz)
SELECT client_id, name, array_to_string(organ_ids, ' '), created_at, revoked_at FROM client ORDER BY client_id;

-- name: find_caller (bytea) -> (text, bool)
-- Who holds the token, and whether all agencies are its own.
SELECT client_id, '*' = ANY (organ_ids) FROM client
WHERE token_sha256 = $1 AND revoked_at IS NULL;

-- name: find_request (uuid) -> (uuid, int8, timestamptz, text, text, text, text, text, text, text, bytea, text, int4)
SELECT request_id, receipt_no, received_at, state, form, organ_id, agency_name, document_number,
       document_date, due_on, document_sha256, reasons::text, item_count
FROM request WHERE request_id = $1;

-- name: find_readable (uuid, text) -> (uuid)
-- The request, when it is the caller's: posted by it, or accepted for an agency of its list. A
-- refused request only claims an agency, so that claim opens nothing.
SELECT r.request_id FROM request r, client c
WHERE r.request_id = $1 AND c.client_id = $2
  AND (r.client_id = c.client_id OR '*' = ANY (c.organ_ids)
       OR (r.item_count IS NOT NULL AND r.organ_id = ANY (c.organ_ids)));

-- name: find_by_receipt (int8, uuid, uuid) -> (uuid)
-- The bounds are the day of the receipt number as request ids: one or two partitions.
SELECT request_id FROM request
WHERE receipt_no = $1 AND request_id >= $2 AND request_id < $3;

-- name: list_items (uuid) -> (int4, text, text, text, text, text, text, timestamptz, timestamptz, text, timestamptz)
SELECT number, state, subscriber_name, profile, device_kind, serial, issuer, not_before, not_after,
       reasons::text, revoked_at
FROM item WHERE request_id = $1 ORDER BY number;

-- name: list_timeline (uuid) -> (timestamptz, text, int4, text, text)
SELECT at, event, item, subject, detail FROM timeline WHERE request_id = $1 ORDER BY at, number;

-- name: find_certificate (uuid, text) -> (bytea)
SELECT certificate_der FROM item WHERE request_id = $1 AND serial = $2;

-- name: list_requests (text, text, text, uuid, int4) -> (uuid, int8, timestamptz, text, text, text, text, text, text, text, bytea, text, int4)
-- A page of the caller's requests in order of receipt: all of them for the national portal (of one
-- agency where it asks so), else those it posted and those accepted for its agencies; each branch
-- walks one index to its limit.
-- $1 client, $2 state or NULL, $3 agency or NULL, $4 after this id, $5 rows
WITH caller AS (
    SELECT client_id, organ_ids, '*' = ANY (organ_ids) AS every FROM client WHERE client_id = $1
), page AS (
    (SELECT r.request_id FROM request r WHERE (SELECT every FROM caller) AND $3 IS NULL
        AND r.request_id > $4 AND ($2 IS NULL OR r.state = $2)
     ORDER BY r.request_id LIMIT $5)
    UNION
    (SELECT r.request_id FROM request r WHERE (SELECT every FROM caller)
        AND r.organ_id = $3 AND r.request_id > $4 AND ($2 IS NULL OR r.state = $2)
     ORDER BY r.request_id LIMIT $5)
    UNION
    (SELECT r.request_id FROM request r WHERE NOT (SELECT every FROM caller)
        AND r.client_id = $1
        AND r.request_id > $4 AND ($2 IS NULL OR r.state = $2) AND ($3 IS NULL OR r.organ_id = $3)
     ORDER BY r.request_id LIMIT $5)
    UNION
    (SELECT r.request_id FROM caller c, unnest(c.organ_ids) AS own (organ_id),
        LATERAL (SELECT a.request_id FROM request a WHERE a.organ_id = own.organ_id
                 AND a.item_count IS NOT NULL AND a.request_id > $4
                 AND ($2 IS NULL OR a.state = $2) AND ($3 IS NULL OR a.organ_id = $3)
                 ORDER BY a.request_id LIMIT $5) r
     WHERE NOT c.every)
)
SELECT r.request_id, receipt_no, received_at, state, form, organ_id, agency_name, document_number,
       document_date, due_on, document_sha256, reasons::text, item_count
FROM request r JOIN (SELECT request_id FROM page ORDER BY request_id LIMIT $5) p USING (request_id)
ORDER BY r.request_id;

-- What events bring comes in rows, many events in one statement. The order of these statements is the
-- order in which the events of a request usually come.

-- name: insert_items (uuid[], int4[], text[], text[], text[])
-- Items may be there already, and even finished: signing's feed may be read before validation's.
INSERT INTO item (request_id, number, state, subscriber_name, profile, device_kind)
SELECT i.request_id, i.number, 'waiting', i.name, i.profile, i.device_kind
FROM unnest($1, $2, $3, $4, $5) AS i (request_id, number, name, profile, device_kind)
ON CONFLICT (request_id, number) DO UPDATE
SET subscriber_name = excluded.subscriber_name, profile = excluded.profile,
    device_kind = excluded.device_kind;

-- name: set_accepted (uuid[], text[], text[], text[], text[], text[], text[], text[], int4[])
-- $1 requests, $2 states this may follow, $3 forms, $4 organs, $5 agencies, $6 numbers and $7 dates of
-- the documents, $8 due, $9 items
UPDATE request r
SET state = CASE WHEN finished_count < a.items THEN 'accepted'
                 WHEN issued_count > 0 THEN 'completed' ELSE 'failed' END,
    form = a.form, organ_id = a.organ_id, agency_name = a.agency_name,
    document_number = a.document_number, document_date = a.document_date, due_on = a.due_on,
    item_count = a.items
FROM unnest($1, $3, $4, $5, $6, $7, $8, $9)
     AS a (request_id, form, organ_id, agency_name, document_number, document_date, due_on, items)
WHERE r.request_id = a.request_id AND r.state = ANY ($2);

-- name: set_rejected (uuid[], text[], text[], text[], text[], text[], text[], text[])
-- $1 requests, $2 states this may follow, $3 forms, $4 organs, $5 agencies, $6 numbers and $7 dates of
-- the documents, $8 reasons
UPDATE request r
SET state = 'rejected', form = a.form, organ_id = a.organ_id, agency_name = a.agency_name,
    document_number = a.document_number, document_date = a.document_date,
    reasons = a.reasons::jsonb
FROM unnest($1, $3, $4, $5, $6, $7, $8)
     AS a (request_id, form, organ_id, agency_name, document_number, document_date, reasons)
WHERE r.request_id = a.request_id AND r.state = ANY ($2);

-- name: set_item_state (uuid[], int4[], text, text[], text[])
-- One step of an item that is not its last. $3 state, $4 states it may follow, $5 names
INSERT INTO item (request_id, number, state, subscriber_name)
SELECT i.request_id, i.number, $3, i.name
FROM unnest($1, $2, $5) AS i (request_id, number, name)
ON CONFLICT (request_id, number) DO UPDATE SET state = excluded.state
WHERE item.state = ANY ($4);

-- name: set_item_issued (uuid[], int4[], text[], text[], text[], text[], bytea[], timestamptz[], timestamptz[])
-- The last step of an item, and of its request when it was the last item.
-- $3 states it may follow, $4 names, $5 serials, $6 issuers, $7 certificates, $8 and $9 their validity
WITH moved AS (
    INSERT INTO item (request_id, number, state, subscriber_name, serial, issuer, certificate_der,
                      not_before, not_after)
    SELECT i.request_id, i.number, 'issued', i.name, i.serial, i.issuer, i.der, i.not_before, i.not_after
    FROM unnest($1, $2, $4, $5, $6, $7, $8, $9)
         AS i (request_id, number, name, serial, issuer, der, not_before, not_after)
    ON CONFLICT (request_id, number) DO UPDATE
    SET state = excluded.state, serial = excluded.serial, issuer = excluded.issuer,
        certificate_der = excluded.certificate_der, not_before = excluded.not_before,
        not_after = excluded.not_after
    WHERE item.state = ANY ($3)
    RETURNING request_id
), ended AS (
    SELECT request_id, count(*)::integer AS n FROM moved GROUP BY request_id
)
UPDATE request r
SET finished_count = finished_count + e.n, issued_count = issued_count + e.n,
    state = CASE WHEN finished_count + e.n = item_count THEN 'completed' ELSE state END
FROM ended e WHERE r.request_id = e.request_id;

-- name: set_item_done (uuid[], int4[], text[], text[])
-- The last step of an item that ends without a certificate of its own.
-- $3 states it may follow, $4 names
WITH moved AS (
    INSERT INTO item (request_id, number, state, subscriber_name)
    SELECT i.request_id, i.number, 'done', i.name
    FROM unnest($1, $2, $4) AS i (request_id, number, name)
    ON CONFLICT (request_id, number) DO UPDATE SET state = excluded.state
    WHERE item.state = ANY ($3)
    RETURNING request_id
), ended AS (
    SELECT request_id, count(*)::integer AS n FROM moved GROUP BY request_id
)
UPDATE request r
SET finished_count = finished_count + e.n, issued_count = issued_count + e.n,
    state = CASE WHEN finished_count + e.n = item_count THEN 'completed' ELSE state END
FROM ended e WHERE r.request_id = e.request_id;

-- name: set_certificate_revoked (uuid, int4, timestamptz) -> (int4)
UPDATE item SET revoked_at = $3 WHERE request_id = $1 AND number = $2 RETURNING number;

-- name: set_item_failed (uuid[], int4[], text[], text[])
-- $3 states it may follow, $4 reasons
WITH moved AS (
    INSERT INTO item (request_id, number, state, reasons)
    SELECT i.request_id, i.number, 'failed', i.reasons::jsonb
    FROM unnest($1, $2, $4) AS i (request_id, number, reasons)
    ON CONFLICT (request_id, number) DO UPDATE
    SET state = excluded.state, reasons = excluded.reasons
    WHERE item.state = ANY ($3)
    RETURNING request_id
), ended AS (
    SELECT request_id, count(*)::integer AS n FROM moved GROUP BY request_id
)
UPDATE request r
SET finished_count = finished_count + e.n,
    state = CASE WHEN finished_count + e.n <> item_count OR item_count IS NULL THEN state
                 WHEN issued_count > 0 THEN 'completed' ELSE 'failed' END
FROM ended e WHERE r.request_id = e.request_id;

-- name: insert_lines (uuid[], timestamptz[], text[], int4[], text[], text[])
INSERT INTO timeline (request_id, at, event, item, subject, detail)
SELECT l.request_id, l.at, l.event, l.item, l.subject, l.detail
FROM unnest($1, $2, $3, $4, $5, $6) AS l (request_id, at, event, item, subject, detail);

-- name: insert_shipped (uuid, uuid, text, int4, text, text, timestamptz, text)
-- A device on its way. $2 shipment, $3 device, $4 item, $5 method, $6 tracking number or NULL, $7 when,
-- $8 certificate or NULL. Recorded never: what the carrier said before is told in the same moment.
WITH way AS (
    INSERT INTO shipment (request_id, shipment_id, method, tracking_number, dispatched_at, moved_at,
                          recorded_at)
    VALUES ($1, $2, $5, $6, $7, $7, '-infinity')
    ON CONFLICT DO NOTHING
), line AS (
    INSERT INTO timeline (request_id, at, event, item, subject, detail)
    VALUES ($1, $7, 'DeviceDispatched', $4, NULL, $5 || ' ' || $3 || coalesce(' ' || $6, ''))
)
INSERT INTO shipment_device (request_id, shipment_id, device_serial, item, certificate_serial)
VALUES ($1, $2, $3, $4, $8)
ON CONFLICT DO NOTHING;

-- name: set_shipment_moved (uuid, uuid, text, timestamptz, text, timestamptz)
-- Said by each of its devices; the first one counts. $3 state, $4 when, $5 place, $6 recorded
WITH moved AS (
    UPDATE shipment SET state = $3, moved_at = $4, place = $5, recorded_at = $6
    WHERE request_id = $1 AND shipment_id = $2 AND recorded_at < $6
    RETURNING coalesce(tracking_number, '') AS number
)
INSERT INTO timeline (request_id, at, event, subject, detail)
SELECT $1, $4, 'ShipmentMoved', number, $3 FROM moved;

-- name: list_shipments (uuid) -> (uuid, text, text, text, text, timestamptz, timestamptz)
SELECT shipment_id, method, tracking_number, state, place, dispatched_at, moved_at
FROM shipment WHERE request_id = $1 ORDER BY shipment_id;

-- name: list_shipped (uuid) -> (uuid, text, int4, text)
SELECT shipment_id, device_serial, item, certificate_serial
FROM shipment_device WHERE request_id = $1 ORDER BY shipment_id, item, device_serial;

-- name: make_partitions (timestamptz, int4) -> (int4)
SELECT month_make($1, $2);

-- name: count_open (text, text) -> (int8, int8, int8, timestamptz)
-- $1 today, $2 the last day that is soon. Overdue, due soon, not decided yet, since when.
SELECT count(*) FILTER (WHERE due_on < $1), count(*) FILTER (WHERE due_on BETWEEN $1 AND $2),
       count(*) FILTER (WHERE state = 'received'),
       min(received_at) FILTER (WHERE state = 'received')
FROM request WHERE state IN ('received', 'accepted');

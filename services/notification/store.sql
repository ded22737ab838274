-- Statements of notification. Times are tx->now, never now().

-- name: insert_requests (uuid[], text[], text[], text[], text[], int4[], text[], text[], text[])
-- $7 addresses separated by spaces, $8 mobile or '', $9 form
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
        AS r (request_id, receipt, agency, number, dated, items, emails, mobile, form)
), whom AS (
    INSERT INTO recipient (request_id, emails, mobile) SELECT request_id, emails, mobile FROM given
)
INSERT INTO request (request_id, receipt_number, agency_name, document_number, document_date, items,
                     form)
SELECT request_id, receipt, agency, number, dated, items, form FROM given;

-- name: find_request (uuid) -> (int8, int8, int8, int8, int8, text, text, text, text, text, text, text)
SELECT items::bigint, ended::bigint, issued::bigint, told::bigint, digests::bigint,
       receipt_number, agency_name, document_number, document_date,
       coalesce(emails, ''), coalesce(mobile, ''), form
  FROM request LEFT JOIN recipient USING (request_id) WHERE request_id = $1;

-- name: request_known (uuid) -> (bool)
SELECT EXISTS (SELECT FROM request WHERE request_id = $1);

-- name: insert_told (uuid, text, text) -> (int8)
-- The number of a notice about $3; no row: the agency was told before.
INSERT INTO told (request_id, template, subject) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING number::bigint;

-- name: end_item (uuid, int4, timestamptz, text, text, text) -> (int8, int8, int8, int8, int8, text, text, text, text, text, text, text)
-- Counts the end of one item; no row when the request is not known or the item had ended. Items are
-- listed only where a digest may have to list several. The last end marks everything as told (the handler writes the digest in this transaction), the first of
-- several sets the time by which a digest goes out anyway ($3). What was told before is read under the
-- row's lock: the timer's digest may be marking it this moment.
-- $1 is said again where it follows: by it alone the months that are not meant are left out at the start.
-- $2 item number, $4 subscriber, $5 serial or NULL, $6 reason or NULL
WITH before AS (
    SELECT request_id, told FROM request WHERE request_id = $1 FOR UPDATE
), counted AS (
    UPDATE request r
    SET ended = ended + 1,
        issued = issued + ($5 IS NOT NULL)::integer,
        state = CASE WHEN ended + 1 = items THEN 'finished' ELSE 'partly' END,
        told = CASE WHEN ended + 1 = items THEN ended + 1 ELSE r.told END,
        digests = CASE WHEN ended + 1 = items THEN digests + 1 ELSE digests END,
        digest_due_at = CASE WHEN ended + 1 = items THEN NULL ELSE coalesce(digest_due_at, $3) END
    FROM before
    WHERE r.request_id = $1 AND r.request_id = before.request_id AND ended < items
      AND NOT EXISTS (SELECT FROM item WHERE request_id = $1 AND number = $2)
    RETURNING r.*, before.told AS told_before
), listed AS (
    INSERT INTO item (request_id, number, ordinal, subscriber_name, serial, reason)
    SELECT $1, $2, ended, $4, $5, $6 FROM counted WHERE items > 1
)
SELECT items::bigint, ended::bigint, issued::bigint, told_before::bigint, digests::bigint,
       receipt_number, agency_name, document_number, document_date,
       coalesce(emails, ''), coalesce(mobile, ''), form
FROM counted LEFT JOIN recipient ON recipient.request_id = $1;

-- name: claim_digests (timestamptz, int4) -> (uuid, int8, int8, int8, int8, int8, text, text, text, text, text, text, text)
-- Requests whose digest is due although some items are still open; marks what has ended as told.
WITH due AS (
    SELECT request_id, told FROM request
    WHERE digest_due_at <= $1 ORDER BY digest_due_at LIMIT $2 FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE request r SET told = r.ended, digests = r.digests + 1, digest_due_at = NULL
    FROM due WHERE r.request_id = due.request_id
    RETURNING r.*, due.told AS told_before
)
SELECT marked.request_id, items::bigint, ended::bigint, issued::bigint, told_before::bigint,
       digests::bigint, receipt_number, agency_name, document_number, document_date,
       coalesce(emails, ''), coalesce(mobile, ''), form
FROM marked LEFT JOIN recipient ON recipient.request_id = marked.request_id;

-- name: list_ended_items (uuid, int4, int4) -> (text, text, text)
-- Subscriber, serial, reason of what ended after the first $2, in the request's order.
SELECT subscriber_name, coalesce(serial, ''), coalesce(reason, '') FROM item
WHERE request_id = $1 AND ordinal > $2 ORDER BY number LIMIT $3;

-- name: insert_notices (uuid[], text[], int4[], text[], text[], text[], timestamptz, text[])
-- $5 states, $6 masked recipients, $7 now, $8 why. A receipt that overtook us has made the row.
INSERT INTO notice (request_id, template, number, channel, state, recipient, handed_at, settled_at,
                    why)
SELECT n.request_id, n.template, n.number, n.channel, n.state, n.recipient,
       CASE WHEN n.state = 'handed' THEN $7 END, CASE WHEN n.state <> 'handed' THEN $7 END, n.why
FROM unnest($1, $2, $3, $4, $5, $6, $8)
     AS n (request_id, template, number, channel, state, recipient, why)
ON CONFLICT DO NOTHING;

-- name: settle_notice (uuid, text, int4, text, text, timestamptz, text) -> (text)
-- What the receipt says ($5); the masked recipient, '' when the receipt overtook our own row. No row:
-- settled before.
INSERT INTO notice (request_id, template, number, channel, state, recipient, settled_at, why)
VALUES ($1, $2, $3, $4, $5, '', $6, $7)
ON CONFLICT (request_id, template, number, channel) DO UPDATE
SET state = $5, handed_at = NULL, settled_at = $6, why = $7
WHERE notice.state IN ('handed', 'unconfirmed')
RETURNING recipient;

-- name: claim_unconfirmed (timestamptz, timestamptz, int4) -> (text, text, int8, text, text)
-- Handed to the gateway before $1 and never heard of again.
WITH silent AS (
    SELECT request_id, template, number, channel FROM notice
    WHERE handed_at < $1 AND state = 'handed' LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE notice n SET state = 'unconfirmed', handed_at = NULL, settled_at = $2
FROM silent s
WHERE n.request_id = s.request_id AND n.template = s.template AND n.number = s.number
  AND n.channel = s.channel
RETURNING n.request_id::text, n.template, n.number::bigint, n.channel, n.recipient;

-- name: make_partitions (timestamptz, int4) -> (int4)
SELECT month_make($1, $2);

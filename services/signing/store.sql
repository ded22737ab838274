-- Statements of signing. Times are tx->now, never now(). An order is (request id, number of its item).

-- name: insert_orders (uuid[], int4[], text[], text[], text[], text[], timestamptz[], timestamptz, bytea[])
-- $3 states, $4 profiles, $5 device kinds, $6 names, $7 expire, $8 now, $9 the authorised items. An order
-- that is there stays as it is.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $9)
        AS o (request_id, number, state, profile, device_kind, name, expires_at, item)
), fresh AS (
    INSERT INTO item_order (request_id, number, state, profile, device_kind, subscriber_name,
                            expires_at, created_at, changed_at)
    SELECT request_id, number, state, profile, device_kind, name, expires_at, $8, $8 FROM given
    ON CONFLICT (request_id, number) DO NOTHING
)
INSERT INTO order_item (request_id, number, item) SELECT request_id, number, item FROM given
ON CONFLICT (request_id, number) DO NOTHING;

-- name: find_order (uuid, int4) -> (text, text, text, text, timestamptz, bytea, text)
SELECT o.state, o.profile, o.device_kind, o.subscriber_name, o.created_at, i.item, o.device_serial
FROM item_order o JOIN order_item i USING (request_id, number)
WHERE o.request_id = $1 AND o.number = $2;

-- name: set_device_assigned (uuid, int4, text, timestamptz) -> (bool)
-- No row: there is no such order. Of two assignments the later one counts, in whatever order they are
-- heard; an order that has its key keeps its device.
WITH moved AS (
    UPDATE item_order SET device_serial = $3, assigned_at = $4
    WHERE request_id = $1 AND number = $2 AND state = 'awaiting_key'
      AND (assigned_at IS NULL OR assigned_at < $4)
)
SELECT true FROM item_order WHERE request_id = $1 AND number = $2;

-- name: find_device (uuid, int4) -> (bytea)
SELECT statement FROM order_device WHERE request_id = $1 AND number = $2;

-- name: set_device_key (uuid, int4, bytea, bytea, text, bytea, timestamptz) -> (bool)
-- The key of an awaiting order, once. No row: the order awaits no key (any more).
WITH moved AS (
    UPDATE item_order SET state = 'preparing', changed_at = $7
    WHERE request_id = $1 AND number = $2 AND state = 'awaiting_key'
    RETURNING request_id, number
)
INSERT INTO order_device (request_id, number, csr_der, statement, key_id, signature, created_at)
SELECT request_id, number, $3, $4, $5, $6, $7 FROM moved
RETURNING true;

-- name: find_key (bytea) -> (text)
SELECT lineage_id FROM key_lineage WHERE key_sha256 = $1;

-- name: find_ground (uuid, int4, bytea) -> (text, text)
-- The order's state, and whose the key $3 is; NULL when nobody has it.
SELECT state, (SELECT lineage_id FROM key_lineage WHERE key_sha256 = $3)
FROM item_order WHERE request_id = $1 AND number = $2;

-- name: set_prepared (uuid[], int4[], text[], bytea[], bytea[], text[], bytea[], timestamptz, text[]) -> (int8)
-- Keys, serials and to-be-signed bytes in one step. What find_ground saw must still be so, else the
-- transaction fails and is tried again. A second order with a key waits here for the first.
-- $3 issuers, $4 serials, $5 keys, $6 lineages, $7 to-be-signed bytes, $8 now, $9 order ids
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $9)
        AS g (request_id, number, issuer, serial, key_sha256, lineage_id, tbs_der, order_id)
), key AS (
    INSERT INTO key_lineage AS k (key_sha256, lineage_id) SELECT key_sha256, lineage_id FROM given
    ON CONFLICT (key_sha256) DO UPDATE SET lineage_id = k.lineage_id
    RETURNING k.key_sha256, k.lineage_id
), moved AS (
    UPDATE item_order o SET state = 'signing', changed_at = $8
    FROM given g JOIN key k USING (key_sha256, lineage_id)
    WHERE o.request_id = g.request_id AND o.number = g.number AND o.state = 'preparing'
    RETURNING 1
), used AS (
    INSERT INTO serial (serial, order_id) SELECT serial, order_id FROM given
), intent AS (
    INSERT INTO order_tbs (request_id, number, issuer, serial, key_sha256, tbs_der, created_at)
    SELECT request_id, number, issuer, serial, key_sha256, tbs_der, $8 FROM given
)
SELECT expect_rows((SELECT count(*) FROM moved), cardinality($1));

-- name: set_issued (uuid[], int4[], text[], bytea[], text[], bytea[], timestamptz[], timestamptz[], timestamptz)
-- $3 issuers, $4 serials, $5 profiles, $6 certificates, $7 and $8 their validity, $9 now
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
        AS c (request_id, number, issuer, serial, profile, der, not_before, not_after)
), moved AS (
    UPDATE item_order o SET state = 'issued', changed_at = $9
    FROM given g WHERE o.request_id = g.request_id AND o.number = g.number AND o.state = 'signing'
    RETURNING o.request_id, o.number
)
INSERT INTO certificate (request_id, number, issuer, serial, profile, certificate_der, not_before,
                         not_after, issued_at)
SELECT request_id, number, issuer, serial, profile, der, not_before, not_after, $9
FROM given JOIN moved USING (request_id, number);

-- name: set_failed (uuid, int4, text, text, timestamptz) -> (bool)
UPDATE item_order SET state = 'failed', reason = $3, detail = $4, changed_at = $5
WHERE request_id = $1 AND number = $2 AND state IN ('awaiting_key', 'preparing', 'signing')
RETURNING true;

-- name: list_orders_awaiting (uuid, int4) -> (uuid, int4, text, text, text, text, timestamptz, bytea, text)
-- $1 a request or NULL for all of them, oldest first
SELECT o.request_id, o.number, o.state, o.profile, o.device_kind, o.subscriber_name, o.created_at,
       i.item, o.device_serial
FROM item_order o JOIN order_item i USING (request_id, number)
WHERE o.awaiting AND ($1 IS NULL OR o.request_id = $1)
ORDER BY o.request_id, o.number LIMIT $2;

-- name: list_orders_of_request (uuid, text, int4) -> (uuid, int4, text, text, text, text, timestamptz, bytea, text)
-- $2 a state or NULL
SELECT o.request_id, o.number, o.state, o.profile, o.device_kind, o.subscriber_name, o.created_at,
       i.item, o.device_serial
FROM item_order o JOIN order_item i USING (request_id, number)
WHERE o.request_id = $1 AND ($2 IS NULL OR o.state = $2)
ORDER BY o.number LIMIT $3;

-- name: list_orders_expired (timestamptz, int4) -> (uuid, int4, text, text, text, text, timestamptz, bytea, text)
SELECT o.request_id, o.number, o.state, o.profile, o.device_kind, o.subscriber_name, o.created_at,
       i.item, o.device_serial
FROM item_order o JOIN order_item i USING (request_id, number)
WHERE o.awaiting AND o.expires_at < $1
ORDER BY o.request_id, o.number LIMIT $2
FOR UPDATE OF o SKIP LOCKED;

-- name: find_serial (bytea) -> (text)
SELECT order_id FROM serial WHERE serial = $1;

-- name: find_certificate (uuid, int4) -> (bytea, bytea, text, text)
SELECT serial, certificate_der, profile, issuer FROM certificate
WHERE request_id = $1 AND number = $2;

-- name: list_certificates (uuid, int4, int4) -> (uuid, int4, bytea, bytea, text, text)
-- After an order, in the order of orders.
SELECT request_id, number, serial, certificate_der, profile, issuer FROM certificate
WHERE (request_id, number) > ($1, $2)
ORDER BY request_id, number LIMIT $3;

-- name: make_partitions (timestamptz, int4) -> (int4)
SELECT month_make($1, $2);

-- name: insert_approval (bytea, text, text, bytea, bytea, bytea, bytea, timestamptz, timestamptz)
-- $1 digest of the approval, $2 officer's key, $3 issuer, $4 responder's key, $5 approval,
-- $6 signature, $7 request, $8 expires, $9 now
INSERT INTO responder_approval (approval_sha256, key_id, issuer, key_sha256, approval, signature,
                                csr_der, expires_at, approved_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (approval_sha256, key_id) DO NOTHING;

-- name: list_approvals (bytea) -> (text, bytea, bytea, bytea)
-- Of one approval: officers' keys and signatures, in the order of approving.
SELECT key_id, signature, approval, csr_der FROM responder_approval
WHERE approval_sha256 = $1 ORDER BY approved_at, key_id;

-- name: list_responders_due (timestamptz) -> (bytea)
-- Approvals by two officers, not expired, whose key has no certificate with a third of its life left
-- and none being signed.
SELECT a.approval_sha256
FROM responder_approval a
WHERE a.expires_at > $1
  AND NOT EXISTS (SELECT FROM responder_order o
                  WHERE o.issuer = a.issuer AND o.key_sha256 = a.key_sha256
                    AND (o.state = 'signing'
                         OR (o.state = 'failed' AND o.created_at > $1 - interval '1 minute')
                         OR (o.state = 'issued'
                             AND $1 < o.not_after - (o.not_after - o.not_before) / 3)))
GROUP BY a.approval_sha256 HAVING count(*) >= 2;

-- name: count_responder_orders (text, bytea) -> (int8)
SELECT count(*) FROM responder_order WHERE issuer = $1 AND key_sha256 = $2;

-- name: insert_responder_order (text, text, bytea, bytea, bytea, bytea, timestamptz, timestamptz, timestamptz, text) -> (bool)
-- $1 order, $2 issuer, $3 key, $4 approval, $5 serial, $6 to-be-signed bytes, $7 and $8 validity,
-- $9 now, $10 lineage. No row: the key is another lineage's.
WITH key AS (
    INSERT INTO key_lineage AS k (key_sha256, lineage_id) VALUES ($3, $10)
    ON CONFLICT (key_sha256) DO UPDATE SET lineage_id = k.lineage_id
    RETURNING k.lineage_id = $10 AS mine
), fresh AS (
    INSERT INTO responder_order (order_id, issuer, key_sha256, approval_sha256, state, serial,
                                 tbs_der, not_before, not_after, created_at)
    SELECT $1, $2, $3, $4, 'signing', $5, $6, $7, $8, $9 FROM key WHERE mine
    RETURNING order_id
)
INSERT INTO serial (serial, order_id) SELECT $5, order_id FROM fresh
RETURNING true;

-- name: set_responder_issued (text, bytea)
UPDATE responder_order SET state = 'issued', certificate_der = $2
WHERE order_id = $1 AND state = 'signing';

-- name: set_responder_failed (text, text)
UPDATE responder_order SET state = 'failed', detail = $2 WHERE order_id = $1 AND state = 'signing';

-- name: find_responder (text, bytea, timestamptz) -> (bytea)
-- The youngest certificate of the key that is still valid.
SELECT certificate_der FROM responder_order
WHERE issuer = $1 AND key_sha256 = $2 AND state = 'issued' AND not_after > $3
ORDER BY not_after DESC LIMIT 1;

-- name: count_responder_approvals (text, bytea, timestamptz) -> (int8)
-- Most officers behind one approval of the key that has not expired.
SELECT coalesce(max(n), 0) FROM (
    SELECT count(*) AS n FROM responder_approval
    WHERE issuer = $1 AND key_sha256 = $2 AND expires_at > $3 GROUP BY approval_sha256) AS counts;

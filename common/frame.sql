-- The frame's own statements: event log, cursors, leases, dead letters, effects. Used by outbox.c,
-- feed*.c, lane*.c, effect*.c and operator.c.

-- === publishing =====================================================================================

-- Each answers with the first offset in every partition it wrote, partitions ascending.

-- name: outbox_append_event (int2, uuid, text, text, text, timestamptz, bytea) -> (int2, int8)
-- The one event of a transaction, without arrays: most transactions say just one.
WITH head AS (
    UPDATE outbox_head SET next_offset = next_offset + 1, last_id = $2
     WHERE partition = $1
    RETURNING segment, next_offset - 1 AS event_offset)
INSERT INTO outbox (segment, partition, event_offset, id, type, key, traceparent, created_at, payload)
SELECT h.segment, $1, h.event_offset, $2, $3, $4, $5, $6, $7 FROM head h
RETURNING partition, event_offset;

-- name: outbox_append_one (int2, int8, uuid, uuid[], text[], text[], text[], timestamptz, bytea[]) -> (int2, int8)
-- All events of a transaction when they lie in one partition: $2 of them, the last one's id is $3.
WITH head AS (
    UPDATE outbox_head SET next_offset = next_offset + $2, last_id = $3
     WHERE partition = $1
    RETURNING partition, segment, next_offset - $2 AS first_offset),
said AS (
    INSERT INTO outbox (segment, partition, event_offset, id, type, key, traceparent, created_at,
                        payload)
    SELECT h.segment, $1, h.first_offset + e.n - 1, e.id, e.type, e.key, e.traceparent, $8, e.payload
      FROM head h, unnest($4, $5, $6, $7, $9) WITH ORDINALITY
           AS e(id, type, key, traceparent, payload, n))
SELECT partition, first_offset FROM head;

-- name: outbox_append (int2[], int8[], uuid[], int2[], int8[], uuid[], text[], text[], text[], timestamptz, bytea[]) -> (int2, int8)
-- The same over several partitions: $1..$3 are each partition's count and last id, ascending; $4..
-- the events with the place (from 1) of their partition in $1 and their rank in it. Heads are locked
-- in ascending order.
WITH locked AS MATERIALIZED (
    SELECT partition FROM outbox_head WHERE partition = ANY ($1)
     ORDER BY partition FOR NO KEY UPDATE),
head AS (
    UPDATE outbox_head h SET next_offset = h.next_offset + a.n, last_id = a.last_id
      FROM locked JOIN unnest($1, $2, $3) AS a(partition, n, last_id) USING (partition)
     WHERE h.partition = locked.partition
    RETURNING h.partition, h.segment, h.next_offset - a.n AS first_offset),
heads AS (
    SELECT array_agg(segment ORDER BY partition) AS segments,
           array_agg(first_offset ORDER BY partition) AS firsts FROM head),
said AS (
    INSERT INTO outbox (segment, partition, event_offset, id, type, key, traceparent, created_at,
                        payload)
    SELECT h.segments[e.place], $1[e.place], h.firsts[e.place] + e.rank, e.id, e.type, e.key,
           e.traceparent, $10, e.payload
      FROM heads h, unnest($4, $5, $6, $7, $8, $9, $11)
           AS e(place, rank, id, type, key, traceparent, payload))
SELECT partition, first_offset FROM head ORDER BY partition;

-- name: effect_insert (text[], text[], int2[], bytea[], text[], timestamptz[]) -> (text, text)
-- Answers with the intents that are new.
INSERT INTO effect (kind, key, partition, intent, traceparent, retry_at)
SELECT w.kind, w.key, w.partition, w.intent, w.traceparent, w.retry_at
  FROM unnest($1, $2, $3, $4, $5, $6) AS w(kind, key, partition, intent, traceparent, retry_at)
 WHERE NOT EXISTS (SELECT FROM effect_done d WHERE d.kind = w.kind AND d.key = w.key)
ON CONFLICT DO NOTHING
RETURNING kind, key;

-- === serving the feed ===============================================================================

-- name: outbox_news (int2[], int8[]) -> (int2)
-- Partitions whose head lies beyond what is known: the cheap look that every poll makes.
SELECT h.partition FROM unnest($1, $2) WITH ORDINALITY AS w(partition, next_offset, n)
  JOIN outbox_head h ON h.partition = w.partition AND h.next_offset > w.next_offset
 ORDER BY w.n;

-- name: outbox_read (int2[], int8[], int4, int8) -> (int2, int8, uuid, text, text, text, timestamptz, bytea)
-- Events at and after each partition's offset, $3 at most and $4 bytes; ascending in each partition,
-- the partitions in the order of the array. No outer ORDER BY: it would have all partitions read to
-- their ends before the limit. The segment of the first offset and the next one are looked at.
SELECT f.partition, f.event_offset, f.id, f.type, f.key, f.traceparent, f.created_at, f.payload
  FROM (SELECT e.*, sum(octet_length(e.payload) + 256) OVER (ROWS UNBOUNDED PRECEDING)
                    - octet_length(e.payload) AS before
          FROM unnest($1, $2) AS w(partition, next_offset)
         CROSS JOIN LATERAL (
               SELECT max(s.segment) AS segment FROM outbox_segment s
                WHERE s.partition = w.partition AND s.first_offset <= w.next_offset) AS g
         CROSS JOIN LATERAL (
               SELECT o.* FROM outbox o
                WHERE o.partition = w.partition AND o.event_offset >= w.next_offset
                  AND o.segment BETWEEN g.segment AND g.segment + 1
                ORDER BY o.event_offset LIMIT $3) AS e
         LIMIT $3) AS f
 WHERE f.before <= $4;

-- name: outbox_heads () -> (int2, int8)
SELECT partition, next_offset FROM outbox_head ORDER BY partition;

-- name: outbox_history (int2[], int8[]) -> (int2, int8, int8, uuid)
-- Of each asked partition: head, first offset kept, id of the event before the asked offset.
SELECT w.partition, h.next_offset, s.first_offset, e.id
  FROM unnest($1, $2) AS w(partition, next_offset)
  JOIN outbox_head h ON h.partition = w.partition
 CROSS JOIN LATERAL (SELECT min(first_offset) AS first_offset FROM outbox_segment s
                      WHERE s.partition = w.partition) AS s
 CROSS JOIN LATERAL (SELECT max(segment) AS segment FROM outbox_segment s
                      WHERE s.partition = w.partition AND s.first_offset < w.next_offset) AS g
  LEFT JOIN LATERAL (SELECT o.id FROM outbox o
                      WHERE o.partition = w.partition AND o.event_offset = w.next_offset - 1
                        AND o.segment = g.segment) AS e ON true;

-- name: feed_group_seen (text[], int2[], int8[], timestamptz)
INSERT INTO feed_group (group_name, partition, committed_offset, seen_at)
SELECT g.group_name, g.partition, g.committed_offset, $4
  FROM unnest($1, $2, $3) AS g(group_name, partition, committed_offset)
 ORDER BY 1, 2
ON CONFLICT (group_name, partition) DO UPDATE
   SET committed_offset = greatest(feed_group.committed_offset, excluded.committed_offset),
       seen_at = excluded.seen_at, forgotten = false;

-- name: feed_group_expect (text[], timestamptz)
-- Groups that may read: retention waits for them from the first day.
INSERT INTO feed_group (group_name, partition, committed_offset, seen_at)
SELECT g.group_name, p.partition, 1, $2
  FROM unnest($1) AS g(group_name), outbox_head p
ON CONFLICT (group_name, partition) DO NOTHING;

-- name: feed_group_list () -> (text, int2, int8, timestamptz, int8)
SELECT g.group_name, g.partition, g.committed_offset, g.seen_at, h.next_offset
  FROM feed_group g JOIN outbox_head h USING (partition)
 WHERE NOT g.forgotten
 ORDER BY 1, 2;

-- name: feed_group_lag () -> (text, int8)
SELECT g.group_name, sum(greatest(h.next_offset - g.committed_offset, 0))::int8
  FROM feed_group g JOIN outbox_head h USING (partition)
 WHERE NOT g.forgotten
 GROUP BY 1;

-- name: feed_group_forget (text)
UPDATE feed_group SET forgotten = true WHERE group_name = $1 AND NOT forgotten;

-- name: outbox_segments () -> (int4, int4, timestamptz, int8)
-- Oldest and newest segment, when the newest was begun, events in it.
SELECT min(s.segment), max(s.segment), max(s.created_at),
       (SELECT sum(h.next_offset - n.first_offset)::int8
          FROM outbox_head h JOIN outbox_segment n USING (partition, segment))
  FROM outbox_segment s;

-- name: outbox_events () -> (int8)
SELECT coalesce(sum(next_offset - 1), 0)::int8 FROM outbox_head;

-- name: outbox_rotate () -> (int4)
SELECT outbox_rotate();

-- name: outbox_drop_oldest (timestamptz) -> (int4)
SELECT outbox_drop_oldest($1);

-- === consuming: leases ==============================================================================
-- Advisory locks: class 21586 partitions, 21587 members (object = backend), 21588 timers.

-- name: lease_join () -> (bool)
SELECT pg_try_advisory_lock(21587, pg_backend_pid());

-- name: lease_look () -> (int4, int4, int8, int8)
-- Members, my place among them (from 0), partitions that are mine, partitions that nobody has: a bit
-- for each.
WITH held AS (
    SELECT classid, objid::int4 AS object, pid FROM pg_locks
     WHERE locktype = 'advisory' AND classid IN (21586, 21587) AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
SELECT count(*) FILTER (WHERE classid = 21587)::int4,
       count(*) FILTER (WHERE classid = 21587 AND pid < pg_backend_pid())::int4,
       coalesce(bit_or(1::int8 << object) FILTER (WHERE classid = 21586 AND pid = pg_backend_pid()), 0),
       ~coalesce(bit_or(1::int8 << object) FILTER (WHERE classid = 21586), 0)
  FROM held;

-- name: lease_take (int2[]) -> (int2)
SELECT p FROM unnest($1) AS p WHERE pg_try_advisory_lock(21586, p::int4);

-- name: lease_give (int2[]) -> (int2)
SELECT p FROM unnest($1) AS p WHERE pg_advisory_unlock(21586, p::int4);

-- name: lease_end_hung (int8) -> (int4)
-- Ends sessions that hold leases, do nothing and have not spoken for $1 milliseconds: a healthy
-- owner looks after its leases several times a second. They are found first and ended then: in one
-- WHERE the planner may end sessions that the other conditions would have spared.
WITH hung AS MATERIALIZED (
    SELECT a.pid FROM pg_stat_activity a
     WHERE a.pid IN (SELECT pid FROM pg_locks
                      WHERE locktype = 'advisory' AND classid = 21587 AND granted
                        AND database = (SELECT oid FROM pg_database
                                         WHERE datname = current_database()))
       AND a.pid <> pg_backend_pid() AND a.wait_event_type = 'Client'
       AND a.state_change < clock_timestamp() - $1 * interval '1 millisecond')
SELECT pid FROM hung WHERE pg_terminate_backend(pid);

-- === consuming: cursors =============================================================================

-- name: cursor_load (text[], int2[]) -> (text, int2, int8, uuid, int4)
WITH made AS (
    INSERT INTO consumer_cursor (feed, partition)
    SELECT f, p FROM unnest($1) AS f, unnest($2) AS p
    ON CONFLICT DO NOTHING
    RETURNING feed, partition, next_offset, last_id, attempts)
SELECT feed, partition, next_offset, last_id, attempts FROM made
UNION ALL
SELECT feed, partition, next_offset, last_id, attempts FROM consumer_cursor
 WHERE feed = ANY ($1) AND partition = ANY ($2);

-- name: cursor_count (text, int2[], int8[])
-- One more attempt at what stands at these cursors.
UPDATE consumer_cursor c SET attempts = c.attempts + 1
  FROM unnest($2, $3) AS m(partition, next_offset)
 WHERE c.feed = $1 AND c.partition = m.partition AND c.next_offset = m.next_offset;

-- name: cursor_move (text, int2[], int8[], int8[], uuid[]) -> (int8)
-- By compare-and-set, or the transaction fails (class 40): whoever moved one of them first has won.
-- $2 partitions, ascending (width_bucket finds the place of one by halving), $3 where they are
-- expected, $4 where they go, $5 last ids
WITH moved AS (
    UPDATE consumer_cursor c
       SET next_offset = $4[width_bucket(c.partition, $2)],
           last_id = $5[width_bucket(c.partition, $2)], attempts = 0
     WHERE c.feed = $1 AND c.partition = ANY ($2)
       AND c.next_offset = $3[width_bucket(c.partition, $2)]
    RETURNING 1)
SELECT expect_rows((SELECT count(*) FROM moved), cardinality($2));

-- name: cursor_heard (text, int2[], timestamptz[])
-- Hearing goes forward only: another replica may have held the partition in between.
UPDATE consumer_cursor c SET heard_at = m.heard_at
  FROM unnest($2, $3) AS m(partition, heard_at)
 WHERE c.feed = $1 AND c.partition = m.partition
   AND (c.heard_at IS NULL OR c.heard_at < m.heard_at);

-- === dead letters ===================================================================================

-- name: letter_insert (text, int2, int8, uuid, text, text, text, timestamptz, bytea, text, text, int4, timestamptz)
-- 'behind' needs an open letter of its key before it; without one it is parked and due at once.
INSERT INTO dead_letter (feed, partition, event_offset, id, key, type, traceparent, created_at,
                         payload, state, error, attempts, retry_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, s.state, $11, $12,
       CASE WHEN s.state = 'parked' THEN coalesce($13, now()) END
  FROM (SELECT CASE WHEN $10 = 'behind' AND NOT EXISTS (
                         SELECT FROM dead_letter b
                          WHERE b.feed = $1 AND b.key = $5 AND b.state <> 'resolved')
                    THEN 'parked' ELSE $10 END AS state) AS s;

-- name: letter_open (int2[]) -> (text, int2, int8, text, text, int4, timestamptz)
-- First open letter of every blocked key in these partitions.
SELECT DISTINCT ON (feed, key) feed, partition, event_offset, key, state, attempts, retry_at
  FROM dead_letter WHERE state <> 'resolved' AND partition = ANY ($1)
 ORDER BY feed, key, event_offset;

-- name: letter_due (int2[], timestamptz) -> (text, int2, int8, text, int4, timestamptz)
SELECT feed, partition, event_offset, key, attempts, retry_at
  FROM dead_letter WHERE state = 'parked' AND retry_at <= $2 AND partition = ANY ($1)
 ORDER BY retry_at LIMIT 64;

-- name: letter_lock (text, text) -> (int2, int8, uuid, text, text, timestamptz, bytea, text, int4)
-- The first open letter of a key, to be tried.
SELECT partition, event_offset, id, type, traceparent, created_at, payload, state, attempts
  FROM dead_letter WHERE feed = $1 AND key = $2 AND state <> 'resolved'
 ORDER BY event_offset LIMIT 1 FOR UPDATE;

-- name: letter_applied (text, int2, int8)
DELETE FROM dead_letter WHERE feed = $1 AND partition = $2 AND event_offset = $3;

-- name: letter_set (text, int2, int8, text, text, int4, timestamptz)
UPDATE dead_letter SET state = $4, error = $5, attempts = $6, retry_at = $7
 WHERE feed = $1 AND partition = $2 AND event_offset = $3 AND state <> 'resolved';

-- name: letter_next_due (text, text, timestamptz)
-- The next letter of the key comes to the front.
UPDATE dead_letter SET state = 'parked', retry_at = $3
 WHERE (feed, partition, event_offset) = (
       SELECT feed, partition, event_offset FROM dead_letter
        WHERE feed = $1 AND key = $2 AND state <> 'resolved' ORDER BY event_offset LIMIT 1)
   AND state = 'behind';

-- name: letter_list (text, bool) -> (text, int2, int8, text, text, text, text, int4, timestamptz, timestamptz, text)
-- $1 NULL: of every feed; $2: resolved ones instead of open ones.
SELECT feed, partition, event_offset, key, type, state, error, attempts, created_at, retry_at, resolution
  FROM dead_letter
 WHERE ($1 IS NULL OR feed = $1) AND (state = 'resolved') = $2
 ORDER BY recorded_at DESC LIMIT 1000;

-- name: letter_get (text, int2, int8) -> (text, int2, int8, text, text, text, text, int4, timestamptz, timestamptz, text, bytea)
SELECT feed, partition, event_offset, key, type, state, error, attempts, created_at, retry_at, resolution, payload
  FROM dead_letter WHERE feed = $1 AND partition = $2 AND event_offset = $3;

-- name: letter_retry (text, int2, int8, timestamptz) -> (text)
-- By an operator: attempts start again. Only the first open letter of a key can be tried.
UPDATE dead_letter d SET state = 'parked', retry_at = $4, attempts = 0
 WHERE feed = $1 AND partition = $2 AND event_offset = $3 AND state IN ('parked', 'dead')
RETURNING key;

-- name: letter_resolve (text, int2, int8, timestamptz, text, text) -> (text)
UPDATE dead_letter SET state = 'resolved', retry_at = NULL, resolved_at = $4, resolved_by = $5,
       resolution = $6
 WHERE feed = $1 AND partition = $2 AND event_offset = $3 AND state IN ('parked', 'dead')
RETURNING key;

-- name: letter_counts () -> (text, text, int8)
SELECT feed, state, count(*) FROM dead_letter WHERE state <> 'resolved' GROUP BY 1, 2;

-- === effects ========================================================================================

-- name: effect_load (int2[], timestamptz, int4) -> (text, text, int2, bytea, text, int4, timestamptz)
SELECT kind, key, partition, intent, traceparent, attempts, retry_at
  FROM effect WHERE partition = ANY ($1) AND retry_at <= $2
 ORDER BY retry_at LIMIT $3;

-- name: effect_next (int2[], timestamptz) -> (timestamptz)
-- When the next one is due that is not due yet.
SELECT retry_at FROM effect WHERE partition = ANY ($1) AND retry_at > $2 ORDER BY retry_at LIMIT 1;

-- name: effect_count (text[], text[], int4[]) -> (text, text)
-- Counts an attempt before it is made; those that were still as we know them.
UPDATE effect e SET attempts = e.attempts + 1
  FROM unnest($1, $2, $3) AS c(kind, key, counted)
 WHERE e.kind = c.kind AND e.key = c.key AND e.attempts = c.counted
RETURNING e.kind, e.key;

-- name: effect_finish (text[], text[], int4[], int2[]) -> (int8)
-- Finished intents leave, or the transaction fails (class 40): another holder of the partition has
-- finished or counted one of them, what we bring is discarded. $3 attempts as counted, $4 not 0: failed
WITH finished AS (
    DELETE FROM effect e
     USING unnest($1, $2, $3, $4) AS f(kind, key, counted, failed)
     WHERE e.kind = f.kind AND e.key = f.key AND e.attempts = f.counted
    RETURNING e.kind, e.key, f.failed <> 0 AS failed),
remembered AS (
    INSERT INTO effect_done (kind, key, failed) SELECT kind, key, failed FROM finished
    ON CONFLICT (kind, key) DO UPDATE SET finished_at = now(), failed = excluded.failed
    RETURNING 1)
SELECT expect_rows((SELECT count(*) FROM remembered), cardinality($1));

-- name: effect_again (text, text, int4, int4, timestamptz, text)
-- The attempt failed: $4 is the new count.
UPDATE effect SET attempts = $4, retry_at = $5, last_error = $6
 WHERE kind = $1 AND key = $2 AND attempts = $3;

-- name: effect_pending () -> (text, int8, timestamptz)
SELECT kind, count(*), min(created_at) FROM effect GROUP BY 1;

-- name: effect_forget (timestamptz)
-- Memory of finished intents, in bites.
DELETE FROM effect_done WHERE (kind, key) IN (
       SELECT kind, key FROM effect_done WHERE finished_at < $1 LIMIT 5000);

-- === timers =========================================================================================

-- name: timers_lock () -> (bool)
SELECT pg_try_advisory_lock(21588, 0);

-- === savepoints of a guarded batch ==================================================================

-- name: event_begin ()
SAVEPOINT event;

-- name: event_keep ()
RELEASE SAVEPOINT event;

-- name: event_undo ()
ROLLBACK TO SAVEPOINT event;

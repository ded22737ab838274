-- Statements of courier. Times are tx->now, never now(). An order is (request id, number of its item).

-- name: insert_request (uuid, text, text, text)
INSERT INTO request (request_id, organ_id, agency_name, delivery) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- name: insert_devices (text[], text[], text[], text, timestamptz) -> (text)
-- Those that were not known. $4 who, $5 now
INSERT INTO device (device_serial, device_kind, model, state, event, actor, changed_at)
SELECT u.serial, u.kind, u.model, 'in_stock', 'AddDevices', $4, $5
FROM unnest($1, $2, $3) AS u (serial, kind, model)
ON CONFLICT DO NOTHING
RETURNING device_serial;

-- name: find_device_of_order (uuid, int4) -> (text)
SELECT device_serial FROM device
WHERE request_id = $1 AND number = $2 AND state <> 'destroyed';

-- name: assign_device (text, uuid, int4, text, timestamptz) -> (text)
-- The device that has lain longest; no row: none of the kind in stock.
WITH next AS (
    SELECT device_serial FROM device WHERE state = 'in_stock' AND device_kind = $1
    ORDER BY stock_no LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE device d
SET state = 'assigned', event = 'KeyAwaited', actor = $4, changed_at = $5, request_id = $2, number = $3,
    note = NULL
FROM next WHERE d.device_serial = next.device_serial
RETURNING d.device_serial;

-- name: insert_waiting (uuid, int4, text, timestamptz)
INSERT INTO waiting_order (request_id, number, device_kind, since) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- name: delete_waiting (uuid, int4)
DELETE FROM waiting_order WHERE request_id = $1 AND number = $2;

-- name: list_waiting (int4) -> (uuid, int4, text, timestamptz)
-- Orders that can be served now, the longest waiting first.
SELECT w.request_id, w.number, w.device_kind, w.since FROM waiting_order w
WHERE EXISTS (SELECT FROM device d WHERE d.state = 'in_stock' AND d.device_kind = w.device_kind)
ORDER BY w.since, w.request_id, w.number LIMIT $1
FOR UPDATE OF w SKIP LOCKED;

-- name: count_waiting () -> (text, int8, timestamptz)
SELECT device_kind, count(*), min(since) FROM waiting_order GROUP BY device_kind;

-- name: count_stock () -> (text, int8)
SELECT kind, (SELECT count(*) FROM device d WHERE d.state = 'in_stock' AND d.device_kind = kind)
FROM unnest(ARRAY['pki_token', 'sim_pki']) AS kind;

-- name: count_overdue () -> (int8)
SELECT count(*) FROM device WHERE state = 'recalled' AND overdue_at IS NOT NULL;

-- name: count_gone_valid () -> (int8)
-- Devices that nobody has any more while their certificate still stands.
SELECT (SELECT count(*) FROM device WHERE state = 'lost' AND certificate_ended_at IS NULL)
     + (SELECT count(*) FROM device WHERE state = 'destroyed' AND certificate_serial IS NOT NULL
                                      AND certificate_ended_at IS NULL);

-- name: get_devices (text[]) -> (text, text, text, text, uuid, int4, text, uuid, date, timestamptz, text, text, timestamptz)
-- Locked, in the order of their serials.
SELECT d.device_serial, d.device_kind, d.model, d.state, d.request_id, d.number,
       d.certificate_serial, d.shipment_id, d.due_on, d.changed_at, r.organ_id, r.delivery,
       d.certificate_ended_at
FROM device d LEFT JOIN request r ON r.request_id = d.request_id
WHERE d.device_serial = ANY ($1) ORDER BY d.device_serial FOR UPDATE OF d;

-- name: find_device (text) -> (text, text, text, text, uuid, int4, text, uuid, date, timestamptz, text, text, timestamptz)
-- For those who only read: not locked.
SELECT d.device_serial, d.device_kind, d.model, d.state, d.request_id, d.number,
       d.certificate_serial, d.shipment_id, d.due_on, d.changed_at, r.organ_id, r.delivery,
       d.certificate_ended_at
FROM device d LEFT JOIN request r ON r.request_id = d.request_id WHERE d.device_serial = $1;

-- name: list_devices (text, text, int4) -> (text, text, text, text, uuid, int4, text, uuid, date, timestamptz, text, text, timestamptz)
-- $1 state or NULL, $2 after this serial
SELECT d.device_serial, d.device_kind, d.model, d.state, d.request_id, d.number,
       d.certificate_serial, d.shipment_id, d.due_on, d.changed_at, r.organ_id, r.delivery,
       d.certificate_ended_at
FROM device d LEFT JOIN request r ON r.request_id = d.request_id
WHERE d.device_serial > $2 AND ($1 IS NULL OR d.state = $1) ORDER BY d.device_serial LIMIT $3;

-- name: list_devices_of_shipment (uuid) -> (text, text, text, text, uuid, int4, text, uuid, date, timestamptz, text, text, timestamptz)
-- Locked, in the order of their serials.
SELECT d.device_serial, d.device_kind, d.model, d.state, d.request_id, d.number,
       d.certificate_serial, d.shipment_id, d.due_on, d.changed_at, r.organ_id, r.delivery,
       d.certificate_ended_at
FROM device d LEFT JOIN request r ON r.request_id = d.request_id
WHERE d.device_serial = ANY (SELECT s.device_serial FROM shipment_device s WHERE s.shipment_id = $1)
  AND d.shipment_id = $1
ORDER BY d.device_serial FOR UPDATE OF d;

-- name: list_ready (uuid, int4) -> (text)
-- Devices of a request that may leave; locked, in the order of their serials.
SELECT device_serial FROM device WHERE request_id = $1 AND state = 'personalised'
ORDER BY device_serial LIMIT $2 FOR UPDATE;

-- name: count_ready (uuid) -> (int8)
SELECT count(*) FROM device WHERE request_id = $1 AND state = 'personalised';

-- name: set_device_state (text, text, text, text, timestamptz, text)
-- $2 event, $3 state, $4 who, $5 now, $6 note or NULL. The trigger refuses what states.c does not have.
UPDATE device SET state = $3, event = $2, actor = $4, changed_at = $5, note = $6
WHERE device_serial = $1;

-- name: set_device_released (text, text, text, timestamptz)
-- $2 event
UPDATE device SET state = 'in_stock', event = $2, actor = $3, changed_at = $4,
                  request_id = NULL, number = NULL, note = NULL
WHERE device_serial = $1;

-- name: set_device_personalised (text, text, text, timestamptz)
UPDATE device SET state = 'personalised', event = 'CertificateIssued', certificate_serial = $2,
                  actor = $3, changed_at = $4, note = NULL
WHERE device_serial = $1;

-- name: set_device_certificate (text, text)
-- A renewal: the device keeps its key and its place.
UPDATE device SET certificate_serial = $2, certificate_ended_at = NULL WHERE device_serial = $1;

-- name: insert_certificate (text, text)
INSERT INTO device_certificate (certificate_serial, device_serial) VALUES ($1, $2)
ON CONFLICT DO NOTHING;

-- name: find_certificate (text) -> (text)
SELECT device_serial FROM device_certificate WHERE certificate_serial = $1;

-- name: set_device_restocked (text, text, timestamptz, text)
-- $2 who, $3 now, $4 note. Nothing of its former life stays with it (custody has that), and it queues
-- behind what is in stock.
UPDATE device SET state = 'in_stock', event = 'CheckDevice', actor = $2, changed_at = $3, note = $4,
                  stock_no = DEFAULT, request_id = NULL, number = NULL, certificate_serial = NULL,
                  certificate_ended_at = NULL, shipment_id = NULL, recalled_at = NULL, due_on = NULL,
                  overdue_at = NULL
WHERE device_serial = $1;

-- name: set_device_ended (text, timestamptz)
-- After the step that the end leads to: in some states no device may be with an ended certificate.
UPDATE device SET certificate_ended_at = coalesce(certificate_ended_at, $2) WHERE device_serial = $1;

-- name: set_device_dispatched (text, uuid, text, timestamptz)
UPDATE device SET state = 'dispatched', event = 'DispatchDevices', shipment_id = $2, actor = $3,
                  changed_at = $4, note = NULL
WHERE device_serial = $1;

-- name: set_device_recalled (text, text, text, timestamptz)
-- $2 event. A recall after a loss has a day of its own.
UPDATE device SET state = 'recalled', event = $2, actor = $3, changed_at = $4, recalled_at = $4,
                  due_on = NULL, overdue_at = NULL, note = NULL
WHERE device_serial = $1;

-- name: set_device_due (text, date, timestamptz) -> (bool)
-- The day of the recall of $3. No row: it is over; the device is back, lost, or recalled anew.
UPDATE device SET due_on = $2
WHERE device_serial = $1 AND state = 'recalled' AND recalled_at = $3
RETURNING true;

-- name: claim_overdue (date, timestamptz, int4) -> (text, uuid, int4, date)
-- Recalled, due before $1, and nobody was told yet.
WITH late AS (
    SELECT device_serial FROM device WHERE state = 'recalled' AND overdue_at IS NULL AND due_on < $1
    ORDER BY due_on LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE device d SET overdue_at = $2 FROM late WHERE d.device_serial = late.device_serial
RETURNING d.device_serial, d.request_id, d.number, d.due_on;

-- name: insert_dispatch_key (text, bytea, uuid) -> (bytea, uuid)
-- What the key stands for, taken now or before. No row: another call is taking it this moment.
WITH taken AS (
    INSERT INTO dispatch_key (idempotency, sha256, shipment_id) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
    RETURNING sha256, shipment_id
)
SELECT sha256, shipment_id FROM taken
UNION ALL
SELECT sha256, shipment_id FROM dispatch_key WHERE idempotency = $1
LIMIT 1;

-- name: lock_numbers (text[]) -> (bool)
-- Until the end of the transaction, in one order for all. Whoever records a parcel and whoever hears
-- of it see each other's rows only once these are committed: so one waits for the other. Numbers share
-- 64 locks: a call may name hundreds, and the server's table of locks is small.
SELECT pg_advisory_xact_lock(21589, n.place) IS NULL
FROM (SELECT DISTINCT hashtext(u) & 63 AS place FROM unnest($1) AS u ORDER BY 1) n;

-- name: claim_tracking_number (text, text, uuid, timestamptz) -> (bool)
-- No row: it was another shipment's within twelve months.
INSERT INTO tracking_number AS t (tracking_number, carrier, shipment_id, used_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tracking_number) DO UPDATE
SET carrier = excluded.carrier, shipment_id = excluded.shipment_id, used_at = excluded.used_at
WHERE t.used_at < $4 - interval '12 months'
RETURNING true;

-- name: insert_shipment (uuid, text, text, text, text, timestamptz, text[])
-- $2 organ, $3 method, $4 carrier, $5 tracking number, $6 now, $7 devices
WITH devices AS (
    INSERT INTO shipment_device (shipment_id, device_serial) SELECT $1, unnest($7)
)
INSERT INTO shipment (shipment_id, organ_id, method, carrier, tracking_number, state, moved_at,
                      dispatched_at, changed_at)
VALUES ($1, $2, $3, $4, $5, 'CREATED', $6, $6, $6);

-- name: get_shipment (uuid) -> (uuid, text, text, text, text, text, timestamptz, timestamptz, timestamptz)
-- Locked.
SELECT shipment_id, organ_id, method, carrier, tracking_number, state, moved_at, dispatched_at, changed_at
FROM shipment WHERE shipment_id = $1 FOR UPDATE;

-- name: list_shipments_of_numbers (text, text[]) -> (uuid, text, text, text, text, text, timestamptz, timestamptz, timestamptz)
-- The shipments these numbers of a carrier stand for today; locked, always in the same order.
SELECT s.shipment_id, s.organ_id, s.method, s.carrier, s.tracking_number, s.state, s.moved_at,
       s.dispatched_at, s.changed_at
FROM shipment s
WHERE s.shipment_id = ANY (SELECT t.shipment_id FROM tracking_number t
                           WHERE t.carrier = $1 AND t.tracking_number = ANY ($2))
ORDER BY s.shipment_id FOR UPDATE;

-- name: list_shipments (text, uuid, uuid, int4) -> (uuid, text, text, text, text, text, timestamptz, timestamptz, timestamptz, text[])
-- $1 state or NULL, $2 one or NULL, $3 after this one
SELECT s.shipment_id, organ_id, method, carrier, tracking_number, state, moved_at, dispatched_at,
       changed_at,
       ARRAY(SELECT d.device_serial FROM shipment_device d WHERE d.shipment_id = s.shipment_id
             ORDER BY d.device_serial)
FROM shipment s
WHERE s.shipment_id > $3 AND ($1 IS NULL OR state = $1) AND ($2 IS NULL OR s.shipment_id = $2)
ORDER BY s.shipment_id LIMIT $4;

-- name: set_shipment_state (uuid, text, timestamptz, timestamptz) -> (timestamptz)
-- $3 when it happened, $4 now. The time it is recorded under grows with every change, whatever the
-- clocks of those who change it say: readers take the greater one for the later one.
UPDATE shipment SET state = $2, moved_at = $3,
                    changed_at = greatest($4, changed_at + interval '1 microsecond')
WHERE shipment_id = $1
RETURNING changed_at;

-- name: insert_correction (uuid, timestamptz, text, timestamptz, text, text)
-- Under the lock of its shipment. $2 now; recorded after every other correction, whatever the clocks
-- of those who took them say.
INSERT INTO correction (shipment_id, recorded_at, state, happened_at, principal, note)
SELECT $1, greatest($2, max(recorded_at) + interval '1 microsecond'), $3, $4, $5, $6
FROM correction WHERE shipment_id = $1;

-- name: list_corrections (uuid) -> (text, timestamptz, timestamptz)
SELECT state, happened_at, recorded_at FROM correction WHERE shipment_id = $1;

-- name: insert_events (text, text[], timestamptz[], text[], text[], timestamptz) -> (text)
-- The numbers of those that are new, once for each new event. $1 carrier, $2 numbers, $3 times,
-- $4 codes, $5 places, $6 now
INSERT INTO tracking_event (carrier, tracking_number, event_at, code, place, received_at)
SELECT $1, u.number, u.at, u.code, u.place, $6
FROM unnest($2, $3, $4, $5) AS u (number, at, code, place)
ON CONFLICT DO NOTHING
RETURNING tracking_number;

-- name: list_events (text, text, timestamptz, timestamptz) -> (text, timestamptz, text)
-- What a carrier said about a number between two instants (the number may have been another
-- shipment's before), as far as the fold asks for it: of each code the first word and the last one. So
-- a carrier that repeats itself for ever hides nothing and costs no memory.
WITH said AS MATERIALIZED (
    SELECT code, event_at, place FROM tracking_event
    WHERE carrier = $1 AND tracking_number = $2 AND event_at BETWEEN $3 AND $4
)
(SELECT DISTINCT ON (code) code, event_at, place FROM said ORDER BY code, event_at)
UNION
(SELECT DISTINCT ON (code) code, event_at, place FROM said ORDER BY code, event_at DESC);

-- name: make_partitions (timestamptz, int4) -> (int4)
SELECT month_make($1, $2);

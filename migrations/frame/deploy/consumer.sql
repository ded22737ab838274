-- Deploy frame:consumer
BEGIN;

CREATE TABLE consumer_cursor (
    feed        text NOT NULL,
    partition   int2 NOT NULL CHECK (partition BETWEEN 0 AND 63),
    next_offset int8 NOT NULL DEFAULT 1,
    last_id     uuid,
    attempts    int4 NOT NULL DEFAULT 0,
    PRIMARY KEY (feed, partition)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE consumer_cursor IS
    'Next offset to apply. Moved only by compare-and-set in the transaction of the effects.';
COMMENT ON COLUMN consumer_cursor.attempts IS
    'Times the event at next_offset was begun without an end that was committed.';

CREATE TABLE dead_letter (
    feed         text        NOT NULL,
    partition    int2        NOT NULL,
    event_offset int8        NOT NULL,
    id           uuid        NOT NULL,
    key          text        NOT NULL,
    type         text        NOT NULL,
    traceparent  text        NOT NULL,
    created_at   timestamptz NOT NULL,
    payload      bytea       NOT NULL,
    state        text        NOT NULL CHECK (state IN ('parked', 'dead', 'behind', 'resolved')),
    error        text        NOT NULL,
    attempts     int4        NOT NULL DEFAULT 0,
    retry_at     timestamptz,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    resolved_at  timestamptz,
    resolved_by  text,
    resolution   text,
    PRIMARY KEY (feed, partition, event_offset),
    CHECK ((state = 'parked') = (retry_at IS NOT NULL)),
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
);
COMMENT ON TABLE dead_letter IS
    'Events not applied: parked (tried again), dead (people decide), behind (same key, waits), resolved.';
CREATE INDEX dead_letter_open ON dead_letter (feed, key, event_offset) WHERE state <> 'resolved';
CREATE INDEX dead_letter_due ON dead_letter (retry_at) WHERE state = 'parked';

GRANT SELECT, INSERT, UPDATE ON consumer_cursor TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letter TO :"role";

COMMIT;

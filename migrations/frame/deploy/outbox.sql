-- Deploy frame:outbox
--
-- The log is insert-only. Offsets are dense in each partition and in commit order, because the row of
-- outbox_head stays locked from the append to the commit. Rows leave by dropping whole segments.
BEGIN;

CREATE TABLE outbox_head (
    partition   int2 PRIMARY KEY, -- 0 to 63; no CHECK: it would be parsed at every append
    segment     int4 NOT NULL DEFAULT 1,
    next_offset int8 NOT NULL DEFAULT 1,
    last_id     uuid
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE outbox_head IS 'Next offset of each partition; its row lock orders the writers.';
INSERT INTO outbox_head (partition) SELECT generate_series(0, 63);

CREATE TABLE outbox (
    segment      int4        NOT NULL,
    partition    int2        NOT NULL,
    event_offset int8        NOT NULL,
    id           uuid        NOT NULL,
    type         text        NOT NULL,
    key          text        NOT NULL,
    traceparent  text        NOT NULL,
    created_at   timestamptz NOT NULL,
    payload      bytea       NOT NULL,
    PRIMARY KEY (partition, event_offset, segment)
) PARTITION BY RANGE (segment);
ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL;
COMMENT ON TABLE outbox IS 'Every event this service has said, insert-only, one table per segment.';
CREATE TABLE outbox_1 PARTITION OF outbox FOR VALUES FROM (1) TO (2);

CREATE TABLE outbox_segment (
    partition    int2        NOT NULL,
    segment      int4        NOT NULL,
    first_offset int8        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partition, segment)
);
COMMENT ON TABLE outbox_segment IS 'First offset of each partition in each segment still kept.';
INSERT INTO outbox_segment (partition, segment, first_offset) SELECT generate_series(0, 63), 1, 1;

CREATE TABLE feed_group (
    group_name       text        NOT NULL,
    partition        int2        NOT NULL,
    committed_offset int8        NOT NULL,
    seen_at          timestamptz NOT NULL,
    forgotten        bool        NOT NULL DEFAULT false,
    PRIMARY KEY (group_name, partition)
) WITH (fillfactor = 20);
COMMENT ON TABLE feed_group IS 'How far each consumer group has committed; retention waits for it.';

-- A new segment for all partitions. The table is made beside the log and attached, so writers only
-- wait while the heads are moved.
CREATE FUNCTION outbox_rotate() RETURNS int4
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    fresh int4 := (SELECT max(segment) + 1 FROM public.outbox_segment);
BEGIN
    PERFORM set_config('lock_timeout', '2s', true);
    EXECUTE format('CREATE TABLE public.outbox_%s (LIKE public.outbox INCLUDING DEFAULTS INCLUDING '
                   'STORAGE INCLUDING INDEXES, CHECK (segment >= %s AND segment < %s))',
                   fresh, fresh, fresh + 1);
    EXECUTE format('ALTER TABLE public.outbox ATTACH PARTITION public.outbox_%s '
                   'FOR VALUES FROM (%s) TO (%s)', fresh, fresh, fresh + 1);
    PERFORM FROM public.outbox_head ORDER BY partition FOR NO KEY UPDATE;
    UPDATE public.outbox_head SET segment = fresh;
    INSERT INTO public.outbox_segment (partition, segment, first_offset)
        SELECT partition, fresh, next_offset FROM public.outbox_head;
    RETURN fresh;
END
$$;

-- Drops the oldest segment, when every group that is not forgotten has committed all of it; the
-- number of the segment, or NULL when it is still needed or the only one.
CREATE FUNCTION outbox_drop_oldest(older_than timestamptz) RETURNS int4
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    oldest int4 := (SELECT min(segment) FROM public.outbox_segment);
BEGIN
    PERFORM set_config('lock_timeout', '2s', true);
    IF NOT EXISTS (SELECT FROM public.outbox_segment s
                    WHERE s.segment = oldest + 1 AND s.created_at < older_than)
       OR EXISTS (SELECT FROM public.feed_group g
                    JOIN public.outbox_segment s USING (partition)
                   WHERE s.segment = oldest + 1 AND NOT g.forgotten
                     AND g.committed_offset < s.first_offset) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DROP TABLE public.outbox_%s', oldest);
    DELETE FROM public.outbox_segment WHERE segment = oldest;
    RETURN oldest;
END
$$;

REVOKE ALL ON FUNCTION outbox_rotate(), outbox_drop_oldest(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_rotate(), outbox_drop_oldest(timestamptz) TO :"role";
GRANT SELECT, UPDATE ON outbox_head TO :"role";
GRANT SELECT, INSERT ON outbox TO :"role";
GRANT SELECT ON outbox_segment TO :"role";
GRANT SELECT, INSERT, UPDATE ON feed_group TO :"role";

COMMIT;

-- Deploy frame:effect
--
-- Work that waits is a small table of its own and leaves it by DELETE; what is finished is remembered
-- in a narrow one, so that a second intent of the same key is ignored for as long as the memory lasts.
BEGIN;

CREATE TABLE effect (
    kind        text        NOT NULL,
    key         text        NOT NULL,
    partition   int2        NOT NULL CHECK (partition BETWEEN 0 AND 63),
    intent      bytea       NOT NULL,
    traceparent text        NOT NULL,
    attempts    int4        NOT NULL DEFAULT 0,
    retry_at    timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    last_error  text        NOT NULL DEFAULT '',
    PRIMARY KEY (kind, key)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0,
        toast_tuple_target = 8160); -- they live for a moment: on their page as long as they fit
ALTER TABLE effect ALTER COLUMN intent SET STORAGE EXTERNAL;
COMMENT ON TABLE effect IS 'Intents that are not finished. Worked by the holder of the partition.';
CREATE INDEX effect_due ON effect (retry_at);

CREATE TABLE effect_done (
    kind        text        NOT NULL,
    key         text        NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    failed      bool        NOT NULL,
    PRIMARY KEY (kind, key)
);
COMMENT ON TABLE effect_done IS 'Which intents were finished; a second one with the same key is ignored.';
-- Small ranges, summarised as they fill: what is not summarised is read whole at every look.
CREATE INDEX effect_done_age ON effect_done USING brin (finished_at)
    WITH (pages_per_range = 32, autosummarize = on);

GRANT SELECT, INSERT, UPDATE, DELETE ON effect, effect_done TO :"role";

COMMIT;

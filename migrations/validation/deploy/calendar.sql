-- Deploy validation:calendar to pg
--
-- Every version stays: a deadline names the one it was counted with. A version is named by the first
-- sixteen hexadecimal digits of its file's SHA-256; knowledge.calendar_version is the one in force.
BEGIN;

CREATE TABLE calendar (
    version   text PRIMARY KEY CHECK (version ~ '^[0-9a-f]{16}$'),
    last_year integer NOT NULL,
    loaded_at timestamptz NOT NULL
);

CREATE TABLE calendar_day (
    version text NOT NULL REFERENCES calendar,
    day     date NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('holiday', 'day_off_swap', 'working_saturday')),
    status  text NOT NULL CHECK (status IN ('confirmed', 'provisional', 'unconfirmed')),
    name_vi text NOT NULL,
    source  text NOT NULL,
    PRIMARY KEY (version, day)
);

GRANT SELECT, INSERT ON calendar, calendar_day TO trien_validation;

COMMIT;

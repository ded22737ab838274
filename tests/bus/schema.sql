-- Tables of the probes. No unique index: what comes twice must be seen.
CREATE TABLE probe_said (number bigserial, key text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE probe_seen (place bigserial, number int8 NOT NULL, key text NOT NULL,
                         at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE probe_acted (number int8 NOT NULL, key text NOT NULL, failed bool NOT NULL);
CREATE TABLE probe_door (key text NOT NULL);
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;

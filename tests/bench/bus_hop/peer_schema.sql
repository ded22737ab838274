-- What the peers of bus-hop need beside schema.sql, in one database: an outbox that a relay empties.
CREATE TABLE relay_outbox (id bigserial PRIMARY KEY, number int8 NOT NULL, payload bytea NOT NULL);
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;

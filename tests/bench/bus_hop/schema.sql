-- A business row at the writer, an effect row at the reader; no index that would hide duplicates.
CREATE TABLE hop_order (number int8 NOT NULL, note text NOT NULL);
CREATE TABLE hop_taken (place bigserial, number int8 NOT NULL, digest bytea NOT NULL);
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;

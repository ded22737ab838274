-- Statements of both probes.

-- name: said_insert (text, int4) -> (int8)
INSERT INTO probe_said (key) SELECT $1 FROM generate_series(1, $2) RETURNING number;

-- name: seen_insert (int8, text)
INSERT INTO probe_seen (number, key) VALUES ($1, $2);

-- name: acted_insert (int8, text, bool)
INSERT INTO probe_acted (number, key, failed) VALUES ($1, $2, $3);

-- name: door_is_open (text) -> (bool)
SELECT EXISTS (SELECT FROM probe_door WHERE key = $1);

-- name: violate ()
INSERT INTO probe_door (key) VALUES (NULL);

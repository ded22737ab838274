-- Statements of both ends of the hop.

-- name: order_insert (int8, text)
INSERT INTO hop_order (number, note) VALUES ($1, $2);

-- name: taken_insert (int8[], bytea[])
INSERT INTO hop_taken (number, digest) SELECT t.number, t.digest FROM unnest($1, $2) AS t(number, digest);

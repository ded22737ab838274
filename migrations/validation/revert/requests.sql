-- Revert validation:requests from pg
BEGIN;
DROP FUNCTION make_partitions(timestamptz, integer);
DROP TABLE waiting, official_document, item, request;
DROP FUNCTION uuid_floor(timestamptz);
COMMIT;

-- Revert validation:requests from pg
BEGIN;
DROP FUNCTION claim_document(text, integer, text, uuid, text);
DROP FUNCTION make_partitions(timestamptz, integer);
DROP TABLE waiting, official_document, item, request;
DROP FUNCTION uuid_floor(timestamptz);
COMMIT;

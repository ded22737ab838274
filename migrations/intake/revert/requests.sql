-- Revert intake:requests from pg
BEGIN;
DROP FUNCTION make_partitions(timestamptz, integer);
DROP TABLE timeline, item, document, request, post_key, post_digest;
DROP FUNCTION uuid_floor(timestamptz);
DROP SEQUENCE timeline_number, receipt_number;
COMMIT;

-- Revert notification:notices from pg
BEGIN;
DROP FUNCTION make_partitions(timestamptz, integer);
DROP TABLE notice, item, recipient, request;
DROP FUNCTION uuid_floor(timestamptz);
COMMIT;

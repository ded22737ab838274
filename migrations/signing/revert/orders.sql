-- Revert signing:orders from pg
BEGIN;
DROP FUNCTION make_partitions(timestamptz, integer);
DROP TABLE certificate, order_tbs, order_device, order_item, item_order, key_lineage, serial;
DROP FUNCTION uuid_floor(timestamptz);
COMMIT;

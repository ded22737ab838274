-- Revert signing:orders from pg
BEGIN;
SELECT month_end('item_order', 'order_item', 'order_device', 'order_tbs', 'certificate');
DROP TABLE certificate, order_tbs, order_device, order_item, item_order, key_lineage, serial;
COMMIT;

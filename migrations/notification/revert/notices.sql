-- Revert notification:notices from pg
BEGIN;
SELECT month_end('request', 'recipient', 'item', 'notice');
DROP TABLE notice, item, recipient, request;
COMMIT;

-- Revert intake:requests from pg
BEGIN;
SELECT month_end('request', 'document', 'item', 'timeline');
DROP TABLE timeline, item, document, request, post_key, post_digest;
DROP SEQUENCE timeline_number, receipt_number;
COMMIT;

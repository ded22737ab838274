-- Revert validation:requests from pg
BEGIN;
SELECT month_end('request', 'item');
DROP TABLE waiting, official_document, item, request;
COMMIT;

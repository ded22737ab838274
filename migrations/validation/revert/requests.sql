-- Revert validation:requests from pg
BEGIN;
DROP FUNCTION claim_document(text, integer, text, uuid, text);
SELECT month_end('request', 'item');
DROP TABLE waiting, official_document, item, request;
COMMIT;

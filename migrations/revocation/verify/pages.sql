-- Verify revocation:pages on pg
BEGIN;
SELECT issuer, bucket, number, entries, entries_der FROM revocation_page WHERE false;
SELECT page_id, issuer, bucket, number, until, entries_der FROM revocation_page_past WHERE false;
SELECT entries_bytes, signature FROM revocation_list WHERE false;
SELECT listed_from FROM issuer WHERE false;
ROLLBACK;

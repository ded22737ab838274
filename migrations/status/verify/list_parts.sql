-- Verify status:list_parts on pg
BEGIN;
SELECT issuer, number, begins, der FROM revocation_list_part WHERE false;
SELECT size_bytes FROM revocation_list WHERE false;
ROLLBACK;

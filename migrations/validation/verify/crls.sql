-- Verify validation:crls on pg
BEGIN;
SELECT url, issuer_sha256, next_fetch_at, fetched_at, last_error FROM crl_source WHERE false;
SELECT issuer_sha256, sha256, number, this_update, next_update, fetched_at, url, crl_der
  FROM crl WHERE false;
ROLLBACK;

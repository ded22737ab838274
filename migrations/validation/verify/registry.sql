-- Verify validation:registry on pg
BEGIN;
SELECT one, version, crl_version, calendar_version FROM knowledge WHERE false;
SELECT organ_id, name, province, valid_from, valid_to, updated_at FROM agency WHERE false;
SELECT organ_id, position, name, email, mobile FROM agency_contact WHERE false;
SELECT organ_id, certificate_sha256, role, certificate_der, subject, not_after, version, added_at
  FROM agency_signer WHERE false;
SELECT 1 / ((SELECT count(*) FROM knowledge) = 1)::int;
SELECT 1 / (NOT has_table_privilege('trien_validation', 'agency', 'DELETE'))::int;
ROLLBACK;

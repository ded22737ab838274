-- Verify revocation:officers on pg
BEGIN;
SELECT 'certificate_by_officer'::regclass;
ROLLBACK;

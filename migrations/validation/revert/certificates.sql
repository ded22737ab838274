-- Revert validation:certificates from pg
BEGIN;
ALTER TABLE request DROP COLUMN attachment_sha256, DROP COLUMN attachment_size_bytes;
DROP TABLE certificate;
COMMIT;

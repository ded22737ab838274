-- Deploy notification:devices to pg
-- requires: revoked
--
-- Notices about shipments and devices: every device says the same of its shipment, so what was told is
-- remembered by what it was about. Their numbers come from one sequence: several lanes may tell a
-- request something at once.
BEGIN;

CREATE SEQUENCE told_number AS integer CYCLE;
CREATE TABLE told (
    request_id uuid NOT NULL,
    template   text NOT NULL CHECK (template ~ '^[a-z_]{1,30}$'),
    subject    text NOT NULL,
    number     integer NOT NULL DEFAULT nextval('told_number'),
    PRIMARY KEY (request_id, template, subject)
) PARTITION BY RANGE (request_id);
COMMENT ON COLUMN told.subject IS 'the shipment or device the agency was told about';
CREATE TABLE told_rest PARTITION OF told DEFAULT;
SELECT month_begin('', 'told');

GRANT SELECT, INSERT ON told TO trien_notification;
GRANT USAGE ON SEQUENCE told_number TO trien_notification;

COMMIT;

-- Deploy courier:ended to pg
-- requires: shipments
--
-- A device remembers that its certificate ended, also while it is lost: when it turns up after all,
-- it is asked back. In the hands of those who might still hand it over, none is with an ended one.
BEGIN;

ALTER TABLE device ADD certificate_ended_at timestamptz;
COMMENT ON COLUMN device.certificate_ended_at IS 'when we heard that it was revoked or expired';

UPDATE device d SET certificate_ended_at = c.at
FROM (SELECT device_serial, max(at) AS at FROM custody
      WHERE event IN ('CertificateRevoked', 'CertificateExpired', 'LossConfirmed')
      GROUP BY device_serial) c
WHERE c.device_serial = d.device_serial AND d.state IN ('recalled', 'returned', 'lost', 'destroyed');

INSERT INTO device_step (from_state, event, to_state) VALUES
    ('lost', 'DeliveredAfterEnd', 'recalled');

ALTER TABLE device
    ADD CONSTRAINT device_ended_has_certificate
        CHECK (certificate_ended_at IS NULL OR certificate_serial IS NOT NULL),
    ADD CONSTRAINT device_ended_comes_back
        CHECK (certificate_ended_at IS NULL
               OR state NOT IN ('personalised', 'dispatched', 'delivered', 'handed_over'));

COMMIT;

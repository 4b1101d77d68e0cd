-- Services whose own state follows ours are told that an incident was acknowledged.
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check
    CHECK (kind IN ('incident_opened', 'incident_acknowledged', 'reprocess_failed', 'incident_resolved')) NOT VALID;

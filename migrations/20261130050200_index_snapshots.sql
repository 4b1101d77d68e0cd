-- Snapshots that are due are found at the beginning of their project's stretch of this index, which holds only
-- events whose snapshot is kept.
CREATE INDEX payment_events_snapshot_idx ON payment_events (project_id, received_at) WHERE snapshot IS NOT NULL;

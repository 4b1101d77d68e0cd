-- Whether every attempt of a reprocess's callback carries the event's snapshot, as its project wanted when it was
-- requested. The snapshot itself is not in `body`.
ALTER TABLE reprocesses ADD COLUMN with_snapshot boolean NOT NULL DEFAULT false;
-- Those whose callback is being delivered, which keep the snapshot of their event from being deleted.
CREATE INDEX reprocesses_snapshot_idx ON reprocesses (event_id)
    WHERE with_snapshot AND state IN ('requested', 'delivering');

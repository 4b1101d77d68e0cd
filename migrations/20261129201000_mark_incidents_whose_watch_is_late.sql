-- The incident was opened at its deadline before its watch asked, and the watch has not come since: the sweep
-- looks for it.
ALTER TABLE incidents ADD COLUMN watch_late boolean NOT NULL DEFAULT false;
CREATE INDEX incidents_watch_late_idx ON incidents (event_id) WHERE watch_late AND state <> 'resolved';

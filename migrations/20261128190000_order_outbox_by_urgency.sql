-- What the relay takes first: a watch that has to be started before its deadline, and whatever else as soon
-- as it is written. Messages of the release before count as due when they were written.
-- `next_attempt_at` has no index any more: a claim changes it, and is written in place instead of into every
-- index.
ALTER TABLE outbox ADD COLUMN due_by timestamptz NOT NULL DEFAULT now();
CREATE INDEX outbox_due_by_idx ON outbox (due_by, id) WHERE parked_at IS NULL;
DROP INDEX outbox_due_idx;
ALTER TABLE outbox SET (fillfactor = 70);

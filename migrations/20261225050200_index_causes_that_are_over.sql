-- no-transaction
-- Causes that are over, by when: every minute those of a month ago are looked for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS cause_threads_over_idx ON cause_threads (ended_at) WHERE ended_at IS NOT NULL;

-- no-transaction
-- Checks of watches, by when: every minute those of a day ago are looked for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS watch_checks_over_idx ON watch_checks (checked_at);

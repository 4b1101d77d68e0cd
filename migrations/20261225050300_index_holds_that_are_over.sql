-- no-transaction
-- Holds that are over, by when, of all destinations: every minute those of a quarter of a year ago are looked for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS alert_holds_over_idx ON alert_holds (ended_at) WHERE ended_at IS NOT NULL;

-- no-transaction
-- Notices that are over, by when they were written: every minute those of a month ago are looked for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notices_over_idx ON notices (created_at) WHERE state <> 'pending';

-- no-transaction
-- Comments on causes of each project, by when: every minute those are looked for that are older than it keeps events.
CREATE INDEX CONCURRENTLY IF NOT EXISTS cause_comments_over_idx ON cause_comments (project_id, created_at);

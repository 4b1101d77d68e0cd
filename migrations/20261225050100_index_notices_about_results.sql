-- no-transaction
-- Notices about results, by project and when: every minute it is looked for which projects were told of them within a day.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notices_results_idx ON notices (project_id, created_at) INCLUDE (until)
    WHERE kind = 'results_unclaimed';

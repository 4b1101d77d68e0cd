-- no-transaction
-- Words about a project and not about one event: comments on causes, notes of bulks and of maintenance. An erasure looks
-- through those of its project. Built while entries are written.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_texts_project_idx ON audit_texts (project_id)
    WHERE event_id IS NULL AND NOT text ? 'internal_reference';

-- A run that did its work, one that failed, one that was cut off, and one that goes on.
INSERT INTO retention_runs (id, rule, started_by, started_at, seen_at, ended_at, deleted, error) VALUES
    ('0192d1a0-0000-7000-8000-0000000000f1', 'events', 'system', now() - interval '2 hours', now() - interval '2 hours', now() - interval '2 hours', 12, NULL),
    ('0192d1a0-0000-7000-8000-0000000000f2', 'identities', 'system', now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour', 0, 'the database failed'),
    ('0192d1a0-0000-7000-8000-0000000000f3', 'events', 'cli:root', now() - interval '1 hour', now() - interval '1 hour', NULL, 3, NULL),
    ('0192d1a0-0000-7000-8000-0000000000f4', 'sessions', 'system', now(), now(), NULL, 0, NULL);

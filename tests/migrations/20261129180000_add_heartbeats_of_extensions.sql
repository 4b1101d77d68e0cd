-- A repair that heartbeats.
INSERT INTO extensions (id, project_id, point, kind, activity, queue, trust, fallback, created_by, heartbeat_seconds) VALUES
    ('0192d1a0-0000-7000-8000-0000000000a3', '0192d1a0-0000-7000-8000-000000000002', 'reprocess', 'activity', 'credits.apply', 'sendpromptly-ext.credits', 'settle', 'callback', 'cli:bob', 5);

-- Two events went: one a year ago and more, the other yesterday. Their keys are still there.
INSERT INTO expired_events (event_id, timeout_at, expired_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000e1', now() - interval '26 months', now() - interval '13 months'),
    ('0192d1a0-0000-7000-8000-0000000000e2', now() - interval '13 months', now() - interval '1 day');
INSERT INTO event_keys (project_id, key, event_id) VALUES
    ('0192d1a0-0000-7000-8000-000000000001', sha256('gone 1'), '0192d1a0-0000-7000-8000-0000000000e1'),
    ('0192d1a0-0000-7000-8000-000000000001', sha256('gone 2'), '0192d1a0-0000-7000-8000-0000000000e2');

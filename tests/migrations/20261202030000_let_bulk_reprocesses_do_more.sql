-- One that resolves and keeps no pace: an incident is done, without a reprocess.
INSERT INTO bulk_reprocesses (id, project_id, action, state, requested_by, note, items, excluded_running, excluded_taking,
    excluded_resolved, started_at, next_at, stepped_at) VALUES
    ('00000000-0000-7000-8000-0000000003b3', '0192d1a0-0000-7000-8000-000000000002', 'resolve', 'running', 'cli:bob',
        'refunded', 1, 0, 0, 3, now(), now(), now());
INSERT INTO bulk_reprocess_items (bulk_id, place, incident_id, event_id, state) VALUES
    ('00000000-0000-7000-8000-0000000003b3', 1, '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000043',
        'succeeded');

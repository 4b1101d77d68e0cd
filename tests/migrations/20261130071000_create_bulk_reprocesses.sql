-- A preview, and one that is under way: an incident succeeded, one waits.
INSERT INTO bulk_reprocesses (id, project_id, requested_by, items, excluded_running, excluded_taking) VALUES
    ('00000000-0000-7000-8000-0000000003b1', '0192d1a0-0000-7000-8000-000000000002', 'cli:bob', 0, 1, 2);
INSERT INTO bulk_reprocesses (id, project_id, state, requested_by, note, items, excluded_running, excluded_taking, canary,
    per_minute, stop_percent, started_at, next_at, stepped_at, dispatch_at) VALUES
    ('00000000-0000-7000-8000-0000000003b2', '0192d1a0-0000-7000-8000-000000000002', 'running', 'operator:bob@cometcart.test',
        'the disk has room again', 2, 0, 0, 3, 30, 20, now(), now(), now(), now());
INSERT INTO bulk_reprocess_items (bulk_id, place, incident_id, event_id, state, replay_id, why) VALUES
    ('00000000-0000-7000-8000-0000000003b2', 1, '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000043',
        'succeeded', '0192d1a0-0000-7000-8000-000000000071', 'succeeded'),
    ('00000000-0000-7000-8000-0000000003b2', 2, '0192d1a0-0000-7000-8000-000000000062', '0192d1a0-0000-7000-8000-000000000044',
        'waiting', NULL, NULL);

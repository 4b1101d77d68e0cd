-- A note about an event that had just gone.
INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail) VALUES
    ('0192d1a0-0000-7000-8000-0000000000e3', 'system', 'result.ambiguous', '0192d1a0-0000-7000-8000-000000000001',
        '0192d1a0-0000-7000-8000-0000000000e1', '{"settled_event_id": "ev_01J9BRTM00E0080000000000E2"}');

-- An entry whose note stands apart, and one that names a customer.
INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail) VALUES
    ('0192d1a0-0000-7000-8000-0000000000f1', 'cli:bob', 'incident.acknowledged', '0192d1a0-0000-7000-8000-000000000001',
        '0192d1a0-0000-7000-8000-0000000000e1', '{"note": "on it"}'),
    ('0192d1a0-0000-7000-8000-0000000000f2', 'system', 'result.unclaimed', '0192d1a0-0000-7000-8000-000000000001', NULL,
        '{"provider_event_id": "evt_9", "internal_reference": "user_9", "status": "success", "received_at": "2026-11-27T09:00:00+00:00"}');

INSERT INTO audit_entries (id, actor, action, project_id, event_id, incident_id, detail)
    SELECT gen_random_uuid(), 'key:key_1', 'receipt.accepted', project_id, id, NULL,
        jsonb_build_object('event_type', event_type, 'effect_type', effect_type)
    FROM payment_events;
INSERT INTO audit_entries (id, actor, action, project_id, event_id, incident_id, detail)
    SELECT gen_random_uuid(), 'system', 'incident.opened', project_id, event_id, id, jsonb_build_object('reason', reason)
    FROM incidents;
INSERT INTO audit_entries (id, actor, action, project_id) VALUES
    ('0192d1a0-0000-7000-8000-0000000000a1', 'cli:bob', 'project.created', '0192d1a0-0000-7000-8000-000000000001'),
    ('0192d1a0-0000-7000-8000-0000000000a2', 'cli:bob', 'operator.added', NULL);

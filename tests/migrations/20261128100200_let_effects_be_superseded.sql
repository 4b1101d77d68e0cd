-- A newer event made this one void, and resolved its incident.
INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type,
    internal_reference, occurred_at, effect, timeout_minutes, timeout_at, settled_at, keyed) VALUES
    ('0192d1a0-0000-7000-8000-000000000047', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'stripe', 'evt_7', 'customer.subscription.updated',
        'subscription_state_apply', 'user_456', '2026-11-21T14:02:09Z', 'superseded', 30, now(), now(), true);
INSERT INTO results (id, event_id, project_id, outcome) VALUES
    ('0192d1a0-0000-7000-8000-000000000057', '0192d1a0-0000-7000-8000-000000000047', '0192d1a0-0000-7000-8000-000000000001', 'superseded');
INSERT INTO early_results (id, project_id, api_key_id, idempotency_key, request_hash, provider_event_id, outcome) VALUES
    ('0192d1a0-0000-7000-8000-000000000058', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'early-3', '\x03', 'evt_9', 'superseded');
INSERT INTO incidents (id, event_id, project_id, state, reason, resolution, resolved_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000067', '0192d1a0-0000-7000-8000-000000000047', '0192d1a0-0000-7000-8000-000000000001', 'resolved', 'missing_result', 'superseded', now());
INSERT INTO audit_entries (id, actor, action, project_id, event_id, incident_id, detail) VALUES
    ('0192d1a0-0000-7000-8000-0000000000a7', 'key:key_1', 'result.superseded', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000047', '0192d1a0-0000-7000-8000-000000000067', '{}');

-- An event with an amount and its incident, which the database gives the amount too.
INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type, internal_reference,
    occurred_at, effect, timeout_minutes, timeout_at, settled_at, amount_value, amount_currency) VALUES
    ('00000000-0000-7000-8000-0000000003c1', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'stripe',
        'evt_amount', 'invoice.paid', 'credit_grant', 'user_456', now(), 'failed', 30, now(), now(), 4900, 'USD');
INSERT INTO incidents (id, event_id, project_id, reason) VALUES
    ('00000000-0000-7000-8000-0000000003c2', '00000000-0000-7000-8000-0000000003c1', '0192d1a0-0000-7000-8000-000000000001',
        'failed_result');
INSERT INTO audit_entries (id, actor, action, project_id, event_id) VALUES
    ('00000000-0000-7000-8000-0000000003c3', 'system', 'receipt.accepted', '0192d1a0-0000-7000-8000-000000000001',
        '00000000-0000-7000-8000-0000000003c1');

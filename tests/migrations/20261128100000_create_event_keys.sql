-- Two receipts of one cart, one keyed by its writer and one by the trigger, and a key of its own.
INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type,
    internal_reference, effect_key, occurred_at, effect, timeout_minutes, timeout_at, settled_at, keyed) VALUES
    ('0192d1a0-0000-7000-8000-000000000045', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'stripe', 'evt_5', 'invoice.paid', 'seat_update',
        'ws_A', 'pack-2', '2026-11-21T14:02:09Z', 'succeeded', 30, now(), now(), true),
    ('0192d1a0-0000-7000-8000-000000000046', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'paddle', 'evt_01h', 'transaction.completed', 'license_issue',
        'ws_B', NULL, '2026-11-21T14:02:09Z', 'succeeded', 30, now(), now(), false);
INSERT INTO event_keys (project_id, key, event_id) SELECT project_id, event_key(provider, lower(shopify_shop_domain),
    provider_event_id, event_type, effect_type, internal_reference, effect_key), id FROM payment_events WHERE keyed;
INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail) VALUES
    ('0192d1a0-0000-7000-8000-0000000000a5', 'key:key_1', 'receipt.accepted', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000045', '{}'),
    ('0192d1a0-0000-7000-8000-0000000000a6', 'key:key_1', 'receipt.accepted', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000046', '{}');

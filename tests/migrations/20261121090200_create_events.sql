-- One event in each state, of both providers, with texts at the edges of what is taken.
INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type,
    internal_reference, occurred_at, shopify_shop_domain, snapshot, effect, timeout_minutes, timeout_at, settled_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000041', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'stripe', 'evt_1', 'invoice.paid', 'credit_grant',
        'user_456', '2026-11-21T14:02:09Z', NULL, NULL, 'pending', 30, now() + interval '30 minutes', NULL),
    ('0192d1a0-0000-7000-8000-000000000042', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'stripe', 'evt_2', 'checkout.session.completed', 'access_unlock',
        repeat('é', 255), '1970-01-01T00:00:00Z', NULL, NULL, 'succeeded', 30, now(), now()),
    ('0192d1a0-0000-7000-8000-000000000043', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000022', 'shopify', '820982911946154508', 'orders/paid', 'seat_update',
        'order-1', '9999-12-31T23:59:59Z', 'cometcart.myshopify.com', '\x0103', 'failed', 1, now(), now()),
    ('0192d1a0-0000-7000-8000-000000000044', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000022', 'stripe', 'evt_4', 'charge.refunded', 'credit_deduction',
        '注文-1', '2026-11-21T14:02:09Z', NULL, NULL, 'missing', 10080, now() - interval '1 hour', now());
INSERT INTO event_identities (project_id, provider, provider_event_id, effect_type, event_id)
    SELECT project_id, provider, provider_event_id, effect_type, id FROM payment_events;
INSERT INTO results (id, event_id, project_id, outcome, error_code, error_message, replay_id) VALUES
    ('0192d1a0-0000-7000-8000-000000000051', '0192d1a0-0000-7000-8000-000000000042', '0192d1a0-0000-7000-8000-000000000001', 'success', NULL, NULL, NULL),
    ('0192d1a0-0000-7000-8000-000000000052', '0192d1a0-0000-7000-8000-000000000043', '0192d1a0-0000-7000-8000-000000000002', 'failed', 'db_write_failed', E'<b>disk full</b>\r\n', NULL),
    ('0192d1a0-0000-7000-8000-000000000053', '0192d1a0-0000-7000-8000-000000000044', '0192d1a0-0000-7000-8000-000000000002', 'failed', NULL, NULL, '0192d1a0-0000-7000-8000-000000000072');
INSERT INTO early_results (id, project_id, api_key_id, idempotency_key, request_hash, provider, provider_event_id, effect_type,
    outcome, error_code, error_message) VALUES
    ('0192d1a0-0000-7000-8000-000000000054', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'early-1', '\x01', NULL, 'evt_9', NULL, 'success', NULL, NULL),
    ('0192d1a0-0000-7000-8000-000000000055', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000021', 'early-2', '\x02', 'stripe', 'evt_9', 'credit_grant', 'failed', 'locked', 'locked');

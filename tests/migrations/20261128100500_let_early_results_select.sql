-- A kept result that names everything, and one that has settled a receipt.
INSERT INTO early_results (id, project_id, api_key_id, idempotency_key, request_hash, provider, provider_event_id, effect_type,
    outcome, fingerprint, shopify_shop_domain, event_type, internal_reference, effect_key) VALUES
    ('0192d1a0-0000-7000-8000-000000000059', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000022', 'early-1', '\x01', 'shopify', '7', 'seat_update',
        'success', '\x11', 'cometcart.myshopify.com', 'orders/paid', 'ws_A', 'pack-2'),
    ('0192d1a0-0000-7000-8000-00000000005a', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000022', 'early-1', '\x02', NULL, '7', NULL,
        'failed', '\x12', NULL, NULL, NULL, NULL);
INSERT INTO claimed_early_results (id, project_id, event_id, provider, provider_event_id, effect_type) VALUES
    ('0192d1a0-0000-7000-8000-00000000005b', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000042', 'stripe', 'evt_2', 'access_unlock');

-- A kept result that has settled a receipt, with the key of its call.
INSERT INTO claimed_early_results (id, project_id, event_id, provider, provider_event_id, idempotency_key, outcome) VALUES
    ('0192d1a0-0000-7000-8000-0000000000e7', '0192d1a0-0000-7000-8000-000000000001', '0192d1a0-0000-7000-8000-000000000042', 'stripe', 'evt_3', 'early-2', 'success');

INSERT INTO idempotency_keys (project_id, route, key, request_hash, status, body, created_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000001', 'receipt', 'delivery-1', '\x01', 202, '{"accepted":true}', now()),
    ('0192d1a0-0000-7000-8000-000000000001', 'result', 'delivery-1', '\x02', 202, '{"accepted":true}', now()),
    ('0192d1a0-0000-7000-8000-000000000002', 'receipt', repeat('~', 255), '\x03', 202, '{}', now() - interval '8 days');

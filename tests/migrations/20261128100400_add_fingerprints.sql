-- A failure and the success after it under one key, as this release keeps them.
INSERT INTO idempotency_keys (project_id, route, key, request_hash, status, body, fingerprint, scope) VALUES
    ('0192d1a0-0000-7000-8000-000000000001', 'result', 'result-evt_1', '\x01', 202, '{}', '\x11', 'failed'),
    ('0192d1a0-0000-7000-8000-000000000001', 'result/success', 'result-evt_1', '\x02', 202, '{}', '\x11', 'success');

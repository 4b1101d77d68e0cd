-- Alice's shop, in test and in live; the live one is changing its secret and has lost a key.
INSERT INTO projects (id, name, mode, timeout_minutes, repair_url, snapshots) VALUES
    ('0192d1a0-0000-7000-8000-000000000001', 'CometCart', 'test', 30, 'http://127.0.0.1:4000/repair', false),
    ('0192d1a0-0000-7000-8000-000000000002', 'CometCart', 'live', 10080, 'https://cometcart.test/repair', true),
    ('0192d1a0-0000-7000-8000-000000000003', 'Without a repair URL', 'test', 1, NULL, false);
INSERT INTO signing_secrets (id, project_id, sealed, expires_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000011', '0192d1a0-0000-7000-8000-000000000001', '\x0100', NULL),
    ('0192d1a0-0000-7000-8000-000000000012', '0192d1a0-0000-7000-8000-000000000002', '\x0101', now() + interval '1 day'),
    ('0192d1a0-0000-7000-8000-000000000013', '0192d1a0-0000-7000-8000-000000000002', '\x0102', NULL);
INSERT INTO api_keys (id, project_id, label, hash, last_four, last_used_at, revoked_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000021', '0192d1a0-0000-7000-8000-000000000001', 'Production worker', '\x01', 'aB3x', now(), NULL),
    ('0192d1a0-0000-7000-8000-000000000022', '0192d1a0-0000-7000-8000-000000000002', 'Lost laptop', '\x02', '0000', NULL, now());

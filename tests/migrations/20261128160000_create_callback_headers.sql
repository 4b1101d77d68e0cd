-- The shop's repair endpoint stands behind a gateway.
INSERT INTO callback_headers (project_id, name, spelling, sealed) VALUES
    ('0192d1a0-0000-7000-8000-000000000002', 'x-gateway-key', 'X-Gateway-Key', '\x01');

-- One that a customer has looked at, one that has expired, one that was taken back.
INSERT INTO proof_links (id, incident_id, project_id, event_id, token_hash, created_by, created_at, expires_at, revoked_at, views, last_viewed_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000e1', '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000043',
        '\x01', 'operator:bob@cometcart.test', now(), now() + interval '7 days', NULL, 3, now()),
    ('0192d1a0-0000-7000-8000-0000000000e2', '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000043',
        '\x02', 'operator:bob@cometcart.test', now() - interval '8 days', now() - interval '1 day', NULL, 0, NULL),
    ('0192d1a0-0000-7000-8000-0000000000e3', '0192d1a0-0000-7000-8000-000000000062', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000044',
        '\x03', 'cli:bob', now(), now() + interval '365 days', now(), 0, NULL);

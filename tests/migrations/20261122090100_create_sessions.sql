-- Alice at her desk with a message waiting, on a browser that says nothing of itself, and signed out.
INSERT INTO sessions (id, operator_id, token_hash, user_agent, flash, last_seen_at, expires_at, ended_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000c1', '0192d1a0-0000-7000-8000-000000000031', '\x01', repeat('é', 255), '\x0105', now(), now() + interval '7 days', NULL),
    ('0192d1a0-0000-7000-8000-0000000000c2', '0192d1a0-0000-7000-8000-000000000031', '\x02', NULL, NULL, now() - interval '1 day', now() + interval '6 days', NULL),
    ('0192d1a0-0000-7000-8000-0000000000c3', '0192d1a0-0000-7000-8000-000000000032', '\x03', 'curl/8', NULL, now(), now() + interval '7 days', now());

INSERT INTO destination_secrets (id, destination_id, sealed, expires_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000d5', '0192d1a0-0000-7000-8000-0000000000d4', '\x0106', now() + interval '1 day'),
    ('0192d1a0-0000-7000-8000-0000000000d6', '0192d1a0-0000-7000-8000-0000000000d4', '\x0107', NULL);

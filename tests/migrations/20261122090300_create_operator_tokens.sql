INSERT INTO operator_tokens (id, operator_id, label, hash, last_four, last_used_at, revoked_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000d1', '0192d1a0-0000-7000-8000-000000000032', 'pager', '\x01', 'aB3x', now(), NULL),
    ('0192d1a0-0000-7000-8000-0000000000d2', '0192d1a0-0000-7000-8000-000000000032', 'Lost laptop', '\x02', '0000', NULL, now());

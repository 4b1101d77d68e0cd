-- Dora left and came back under the same address.
INSERT INTO operators (id, email, role, password_hash, removed_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000034', 'dora@cometcart.test', 'admin', '$argon2id$v=19$m=19456,t=2,p=1$c2FtcGxl$c2FtcGxl', now()),
    ('0192d1a0-0000-7000-8000-000000000035', 'dora@cometcart.test', 'viewer', '$argon2id$v=19$m=19456,t=2,p=1$c2FtcGxl$c2FtcGxl', NULL);

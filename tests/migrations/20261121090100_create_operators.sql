INSERT INTO operators (id, email, role, password_hash) VALUES
    ('0192d1a0-0000-7000-8000-000000000031', 'alice@cometcart.test', 'admin', '$argon2id$v=19$m=19456,t=2,p=1$c2FtcGxl$c2FtcGxl'),
    ('0192d1a0-0000-7000-8000-000000000032', 'bob@cometcart.test', 'operator', '$argon2id$v=19$m=19456,t=2,p=1$c2FtcGxl$c2FtcGxl'),
    ('0192d1a0-0000-7000-8000-000000000033', 'charlie@cometcart.test', 'viewer', '$argon2id$v=19$m=19456,t=2,p=1$c2FtcGxl$c2FtcGxl');

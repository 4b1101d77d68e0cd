-- An address that was removed is free again, and so is one that another project tells.
INSERT INTO destinations (id, project_id, kind, address) VALUES
    ('0192d1a0-0000-7000-8000-000000000084', '0192d1a0-0000-7000-8000-000000000002', 'email', 'old@cometcart.test'),
    ('0192d1a0-0000-7000-8000-000000000085', '0192d1a0-0000-7000-8000-000000000001', 'email', 'bob@cometcart.test');

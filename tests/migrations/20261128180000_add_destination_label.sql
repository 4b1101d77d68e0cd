-- The shop's second channel has a label.
INSERT INTO destinations (id, project_id, kind, address, sealed, label) VALUES
    ('0192d1a0-0000-7000-8000-0000000000bc', '0192d1a0-0000-7000-8000-000000000002', 'slack', 'hooks.slack.com', '\x0105', '#payments');

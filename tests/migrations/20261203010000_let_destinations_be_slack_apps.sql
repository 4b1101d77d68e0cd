INSERT INTO destinations (id, project_id, kind, address, sealed, label, removed_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000da', '0192d1a0-0000-7000-8000-000000000002', 'slack_app', 'C0123ABCDEF', '\x0109', 'Slack C0123ABCDEF', NULL);

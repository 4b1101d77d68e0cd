INSERT INTO destinations (id, project_id, kind, address, sealed, label, removed_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000d4', '0192d1a0-0000-7000-8000-000000000002', 'webhook', 'alerts.example.com', '\x0105', 'Webhook at alerts.example.com', NULL);

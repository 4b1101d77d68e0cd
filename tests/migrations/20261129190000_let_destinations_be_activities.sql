INSERT INTO destinations (id, project_id, kind, address, queue, label, removed_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000d5', '0192d1a0-0000-7000-8000-000000000002', 'activity', 'alerts.page', 'sendpromptly-ext.alerts', NULL, NULL);

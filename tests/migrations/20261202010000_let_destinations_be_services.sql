INSERT INTO destinations (id, project_id, kind, address, sealed, label, removed_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000d7', '0192d1a0-0000-7000-8000-000000000002', 'pagerduty', 'events.pagerduty.com', '\x0108', 'PagerDuty …cDeF', NULL);

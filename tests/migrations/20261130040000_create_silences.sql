-- The live shop expects what its weeks show, of which two hours are known; another one expects an event every six hours.
INSERT INTO receipt_hours (project_id, event_type, hour, receipts) VALUES
    ('0192d1a0-0000-7000-8000-000000000002', 'invoice.paid', date_trunc('hour', now() - interval '1 week'), 12),
    ('0192d1a0-0000-7000-8000-000000000002', 'invoice.paid', date_trunc('hour', now() - interval '2 weeks'), 9);
UPDATE projects SET expected_receipts = '6h' WHERE id = '0192d1a0-0000-7000-8000-000000000001';
-- A silence of an event type lasts, one of the whole project is over, and one ended because something else is expected.
INSERT INTO silences (id, project_id, event_type, since, expected_hours, usual_per_hour, ended_at, resumed_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000e1', '0192d1a0-0000-7000-8000-000000000002', 'invoice.paid', now() - interval '3 hours', NULL, 12, NULL, NULL),
    ('0192d1a0-0000-7000-8000-0000000000e2', '0192d1a0-0000-7000-8000-000000000001', NULL, now() - interval '9 hours', 6, NULL, now(), now() - interval '1 minute'),
    ('0192d1a0-0000-7000-8000-0000000000e3', '0192d1a0-0000-7000-8000-000000000001', NULL, now() - interval '9 days', 24, NULL, now(), NULL);

-- The shop lets credits be granted again, was stopped for one cause and reset for another, and has one
-- reprocess and one alert planned.
INSERT INTO reprocess_policies (project_id, effect_type, enabled, attempts, delay_seconds, stop_failed, stop_of, stop_customers, wait_alerts, may_take) VALUES
    ('0192d1a0-0000-7000-8000-000000000002', 'credit_grant', true, 2, 60, 5, 10, 20, true, false),
    ('0192d1a0-0000-7000-8000-000000000002', 'access_revocation', false, 1, 0, 5, 10, 20, false, false);
INSERT INTO policy_stops (id, project_id, effect_type, cause, event_type, reason, error_code, kind, counted, out_of, reset_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000d1', '0192d1a0-0000-7000-8000-000000000002', 'credit_grant', '0192d1a0-0000-8000-8000-0000000000d2', 'invoice.paid', 'failed_result', 'db_write_failed', 'failed', 5, 7, NULL),
    ('0192d1a0-0000-7000-8000-0000000000d3', '0192d1a0-0000-7000-8000-000000000002', 'credit_grant', '0192d1a0-0000-8000-8000-0000000000d4', 'invoice.paid', 'missing_result', NULL, 'customers', 21, 20, now());
INSERT INTO policy_plans (event_id, try_at, alerts_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000044', now() + interval '1 minute', now() + interval '31 minutes');
UPDATE incidents SET cause = '0192d1a0-0000-8000-8000-0000000000d2', cause_code = 'db_write_failed' WHERE id = '0192d1a0-0000-7000-8000-000000000062';
UPDATE reprocesses SET cause = '0192d1a0-0000-8000-8000-0000000000d2' WHERE id = '0192d1a0-0000-7000-8000-000000000072';

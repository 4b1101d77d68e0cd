-- The live shop has quiet hours, and a maintenance lasts in which an alert was held back; one of before was ended.
INSERT INTO alert_rules (project_id, quiet_hours) VALUES
    ('0192d1a0-0000-7000-8000-000000000002', '22:00-07:00 Europe/Berlin'),
    ('0192d1a0-0000-7000-8000-000000000001', NULL);
INSERT INTO maintenance_windows (id, project_id, reason, started_by, ends_at, ended_at, ended_by) VALUES
    ('0192d1a0-0000-7000-8000-000000000201', '0192d1a0-0000-7000-8000-000000000002', 'deploy 42', 'cli:deploy', now() + interval '10 minutes', NULL, NULL),
    ('0192d1a0-0000-7000-8000-000000000202', '0192d1a0-0000-7000-8000-000000000002', NULL, 'cli:deploy', now() + interval '1 hour', now(), 'operator:alice@cometcart.test');
INSERT INTO alert_holds (id, project_id, destination_id, reason, maintenance_id, ended_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000203', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000081', 'maintenance', '0192d1a0-0000-7000-8000-000000000201', NULL),
    ('0192d1a0-0000-7000-8000-000000000204', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000081', 'quiet_hours', NULL, now());
UPDATE alerts SET released_at = now() WHERE id = '0192d1a0-0000-7000-8000-000000000093';

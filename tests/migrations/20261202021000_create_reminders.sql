-- bob is reminded of the live shop's incident, the next destination is told after an hour, and one incident is snoozed.
UPDATE alert_rules SET remind_every = 30, escalate_after = 60, come_back_after = 1440 WHERE project_id = '0192d1a0-0000-7000-8000-000000000002';
INSERT INTO escalation_steps (project_id, step, destination_id) SELECT project_id, 1, id FROM destinations
    WHERE project_id = '0192d1a0-0000-7000-8000-000000000002' AND id <> '0192d1a0-0000-7000-8000-000000000081' ORDER BY id LIMIT 1;
INSERT INTO cause_waits (project_id, cause, waiting_since, told_at, reminders, step) VALUES
    ('0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-8000-8000-0000000000f2', now() - interval '1 hour', now(), 2, 1);
INSERT INTO reminders (id, project_id, cause, reason, nth) VALUES
    ('0192d1a0-0000-7000-8000-000000000211', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-8000-8000-0000000000f2', 'reminder', 2),
    ('0192d1a0-0000-7000-8000-000000000212', '0192d1a0-0000-7000-8000-000000000002', NULL, 'snooze_over', 1);
INSERT INTO snoozes (id, project_id, event_id, incident_id, cause, until, snoozed_by, ended_at, ended_by, reminder_id)
    SELECT '0192d1a0-0000-7000-8000-000000000213', project_id, event_id, id, NULL, now() + interval '1 hour', 'cli:bob', NULL, NULL, NULL FROM incidents ORDER BY id LIMIT 1;
INSERT INTO snoozes (id, project_id, event_id, incident_id, until, snoozed_by, ended_at, ended_by, reminder_id)
    SELECT '0192d1a0-0000-7000-8000-000000000214', project_id, event_id, id, now() - interval '1 hour', 'cli:bob', now(), 'time', '0192d1a0-0000-7000-8000-000000000212' FROM incidents ORDER BY id LIMIT 1;

-- bob was told of one incident, and a message about its cause stands for what came after.
INSERT INTO cause_threads (id, project_id, destination_id, cause, root_incident_id, root_kind, first_incident_id, incidents, has_news, next_message) VALUES
    ('0192d1a0-0000-7000-8000-0000000000f1', '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-000000000081', '0192d1a0-0000-8000-8000-0000000000f2', '0192d1a0-0000-7000-8000-000000000061', 'incident_opened', '0192d1a0-0000-7000-8000-000000000061', 2, true, '0192d1a0-0000-7000-8000-0000000000f3');
UPDATE alerts SET state = 'folded', told_by = '0192d1a0-0000-7000-8000-0000000000f3' WHERE id = '0192d1a0-0000-7000-8000-000000000093';
UPDATE destinations SET every_incident = true WHERE kind = 'slack';
-- One was superseded by a newer one of its thread.
INSERT INTO notices (destination_id, kind, day, project_id, about_id, since, until, state, finished_at, cause_thread_id, first_incident_id) VALUES
    ('0192d1a0-0000-7000-8000-000000000081', 'cause_updated', current_date, '0192d1a0-0000-7000-8000-000000000002', '0192d1a0-0000-7000-8000-0000000000f4', now() - interval '1 hour', now(), 'superseded', now(), '0192d1a0-0000-7000-8000-0000000000f1', '0192d1a0-0000-7000-8000-000000000061');

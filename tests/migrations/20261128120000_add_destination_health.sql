-- Carol's address said that nobody is there, and an alert for it was made stale by a newer one.
INSERT INTO destinations (id, project_id, kind, address, sealed, failures, retry_at, gone_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000bb', '0192d1a0-0000-7000-8000-000000000002', 'email', 'carol@cometcart.test', NULL, 1, now(), now());
INSERT INTO alerts (id, incident_id, event_id, destination_id, kind, replay_id, state, attempts, last_answer, leased_until, finished_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000094', '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000043', '0192d1a0-0000-7000-8000-0000000000bb', 'incident_opened', NULL, 'superseded', 1, '550 5.1.1', NULL, now()),
    ('0192d1a0-0000-7000-8000-000000000095', '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000043', '0192d1a0-0000-7000-8000-0000000000bb', 'incident_resolved', NULL, 'pending', 1, '550 5.1.1', now(), NULL);

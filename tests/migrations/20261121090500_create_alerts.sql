INSERT INTO destinations (id, project_id, kind, address, sealed, broken_at, removed_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000081', '0192d1a0-0000-7000-8000-000000000002', 'email', 'bob@cometcart.test', NULL, NULL, NULL),
    ('0192d1a0-0000-7000-8000-000000000082', '0192d1a0-0000-7000-8000-000000000002', 'slack', 'hooks.slack.com', '\x0104', now(), NULL),
    ('0192d1a0-0000-7000-8000-000000000083', '0192d1a0-0000-7000-8000-000000000002', 'email', 'old@cometcart.test', NULL, NULL, now());
INSERT INTO alerts (id, incident_id, event_id, destination_id, kind, replay_id, state, attempts, last_answer, finished_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000091', '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000043', '0192d1a0-0000-7000-8000-000000000081', 'incident_opened', NULL, 'delivered', 1, '250 kept', now()),
    ('0192d1a0-0000-7000-8000-000000000092', '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000043', '0192d1a0-0000-7000-8000-000000000082', 'incident_resolved', NULL, 'given_up', 3, '404 no_service', now()),
    ('0192d1a0-0000-7000-8000-000000000093', '0192d1a0-0000-7000-8000-000000000062', '0192d1a0-0000-7000-8000-000000000044', '0192d1a0-0000-7000-8000-000000000081', 'reprocess_failed', '0192d1a0-0000-7000-8000-000000000072', 'pending', 0, NULL, NULL);

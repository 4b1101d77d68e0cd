-- One resolved incident, and one with a reprocess that failed and one that runs.
INSERT INTO incidents (id, event_id, project_id, state, reason, error_code, error_message, resolution,
    resolution_note, acknowledged_at, resolved_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000043', '0192d1a0-0000-7000-8000-000000000002', 'resolved', 'failed_result', 'db_write_failed', 'disk full',
        'manual', 'credited by hand', now(), now()),
    ('0192d1a0-0000-7000-8000-000000000062', '0192d1a0-0000-7000-8000-000000000044', '0192d1a0-0000-7000-8000-000000000002', 'reprocessing', 'missing_result', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO reprocesses (id, incident_id, event_id, state, requested_by, note, body, result_due_at, finished_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000071', '0192d1a0-0000-7000-8000-000000000061', '0192d1a0-0000-7000-8000-000000000043', 'undelivered', 'cli:bob', NULL, '{"type":"reprocess"}', NULL, now()),
    ('0192d1a0-0000-7000-8000-000000000072', '0192d1a0-0000-7000-8000-000000000062', '0192d1a0-0000-7000-8000-000000000044', 'failed', 'temporal:alice', 'try again', '{"type":"reprocess"}', now(), now()),
    ('0192d1a0-0000-7000-8000-000000000073', '0192d1a0-0000-7000-8000-000000000062', '0192d1a0-0000-7000-8000-000000000044', 'awaiting_result', 'operator:bob@cometcart.test', NULL,
        '{"type":"reprocess"}', now() + interval '30 minutes', NULL);
INSERT INTO callback_attempts (replay_id, attempt, nonce, finished_at, status, error, latency_ms, answer) VALUES
    ('0192d1a0-0000-7000-8000-000000000071', 1, 'n1', now(), NULL, 'interrupted', NULL, NULL),
    ('0192d1a0-0000-7000-8000-000000000071', 2, 'n2', now(), 410, NULL, 12, 'gone'),
    ('0192d1a0-0000-7000-8000-000000000072', 1, 'n1', now(), NULL, 'timed_out', 30000, 'no complete answer within 30s'),
    ('0192d1a0-0000-7000-8000-000000000073', 1, 'n1', NULL, NULL, NULL, NULL, NULL);

INSERT INTO outbox (id, event_id, wish, payload, attempts, parked_at, last_error) VALUES
    ('0192d1a0-0000-7000-8000-0000000000b1', '0192d1a0-0000-7000-8000-000000000041', 'start', '{}', 0, NULL, NULL),
    ('0192d1a0-0000-7000-8000-0000000000b2', '0192d1a0-0000-7000-8000-000000000044', 'restart', '{}', 3, NULL, 'Temporal is out of reach'),
    ('0192d1a0-0000-7000-8000-0000000000b3', '0192d1a0-0000-7000-8000-000000000042', 'result', '{"result_id":"res_1","status":"success"}', 0, NULL, NULL),
    ('0192d1a0-0000-7000-8000-0000000000b4', '0192d1a0-0000-7000-8000-000000000044', 'reprocess', '{"replay_id":"rpl_1"}', 0, NULL, NULL),
    ('0192d1a0-0000-7000-8000-0000000000b5', '0192d1a0-0000-7000-8000-000000000043', 'resolve', '{"recorded":true}', 0, NULL, NULL),
    ('0192d1a0-0000-7000-8000-0000000000b6', '0192d1a0-0000-7000-8000-000000000043', 'start', '{}', 10, now(), 'Temporal refused the request');

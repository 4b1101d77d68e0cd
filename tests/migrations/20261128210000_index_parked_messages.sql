-- A message that Temporal rejected two hours ago.
INSERT INTO outbox (id, event_id, wish, payload, attempts, parked_at, last_error) VALUES
    ('0192d1a0-0000-7000-8000-0000000000c1', '0192d1a0-0000-7000-8000-000000000043', 'resolve', '{"recorded":true}', 10,
        now() - interval '2 hours', 'Temporal refused the request');

-- The start of a watch whose deadline is in half an hour.
INSERT INTO outbox (id, event_id, wish, payload, due_by) VALUES
    ('0192d1a0-0000-7000-8000-0000000000c0', '0192d1a0-0000-7000-8000-000000000041', 'start', '{}', now() + interval '30 minutes');

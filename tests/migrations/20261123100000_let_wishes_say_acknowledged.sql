INSERT INTO outbox (id, event_id, wish, payload) VALUES
    ('0192d1a0-0000-7000-8000-0000000000bf', '0192d1a0-0000-7000-8000-000000000042', 'acknowledged', '{}');

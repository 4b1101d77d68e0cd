-- bob was told yesterday and is to be told today.
INSERT INTO notices (destination_id, day, project_id, since, until, state, attempts, last_answer, created_at, finished_at) VALUES
    ('0192d1a0-0000-7000-8000-000000000081', current_date - 1, '0192d1a0-0000-7000-8000-000000000002', now() - interval '8 days', now() - interval '1 day', 'delivered', 1, '250 kept', now() - interval '1 day', now() - interval '1 day'),
    ('0192d1a0-0000-7000-8000-000000000081', current_date, '0192d1a0-0000-7000-8000-000000000002', now() - interval '1 day', now(), 'pending', 0, NULL, now(), NULL);

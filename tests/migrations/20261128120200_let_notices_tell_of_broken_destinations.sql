-- Bob is told that the Slack channel broke, beside what he is told of results.
INSERT INTO notices (kind, about_id, destination_id, day, project_id, since, until, state, attempts, last_answer, created_at, finished_at) VALUES
    ('destination_broken', '0192d1a0-0000-7000-8000-000000000082', '0192d1a0-0000-7000-8000-000000000081', current_date, '0192d1a0-0000-7000-8000-000000000002', now(), now(), 'pending', 0, NULL, now(), NULL);

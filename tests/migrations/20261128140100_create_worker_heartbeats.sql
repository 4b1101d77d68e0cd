-- One worker polls, one was killed an hour ago.
INSERT INTO worker_heartbeats (id, namespace, task_queue, started_at, seen_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000f1', 'default', 'sendpromptly', now() - interval '1 day', now()),
    ('0192d1a0-0000-7000-8000-0000000000f2', 'default', 'sendpromptly', now() - interval '2 days', now() - interval '1 hour');

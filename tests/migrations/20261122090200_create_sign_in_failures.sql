INSERT INTO sign_in_failures (email_hash, failures, first_failed_at, locked_until) VALUES
    ('\x01', 1, now(), NULL),
    ('\x02', 6, now() - interval '10 minutes', now() + interval '5 minutes'),
    ('\x03', 5, now() - interval '2 days', now() - interval '47 hours');

-- A chat that takes nothing.
INSERT INTO destinations (id, project_id, kind, address, sealed, label, failures, retry_at, failing_since, last_failure) VALUES
    ('0192d1a0-0000-7000-8000-0000000000d6', '0192d1a0-0000-7000-8000-000000000002', 'email', 'erin@cometcart.test', NULL, NULL, 2, now(), now(), '451 4.3.0 try again later');

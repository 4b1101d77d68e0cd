-- An event whose watch was looked for.
INSERT INTO watch_checks (event_id) VALUES ('0192d1a0-0000-7000-8000-000000000044');

INSERT INTO reference_keys (project_id, sealed) VALUES ('0192d1a0-0000-7000-8000-000000000002', '\x0200');

INSERT INTO reference_keys (project_id, sealed) VALUES ('0192d1a0-0000-7000-8000-000000000002', '\x0200');
INSERT INTO customer_keys (id, project_id, customer, sealed)
VALUES ('0192d1a0-0000-7000-8000-0000000000c1', '0192d1a0-0000-7000-8000-000000000002', gen_random_uuid(), '\x0200');

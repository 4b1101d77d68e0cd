INSERT INTO erasures (id, project_id, customer, tombstone, reference, requested_by)
VALUES ('0192d1a0-0000-7000-8000-0000000000e1', '0192d1a0-0000-7000-8000-000000000002', gen_random_uuid(),
    'erased:00000000000000000000000001', 'user_1', 'cli:alice');
INSERT INTO erased_watches (event_id, erasure_id) VALUES (gen_random_uuid(), '0192d1a0-0000-7000-8000-0000000000e1');

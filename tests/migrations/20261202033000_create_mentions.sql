-- A comment on a cause, and somebody who was told of one on an incident.
INSERT INTO cause_comments (entry_id, project_id, cause) VALUES
    ('00000000-0000-7000-8000-0000000003d1', '0192d1a0-0000-7000-8000-000000000001', '00000000-0000-8000-8000-000000000001');
INSERT INTO mentions (entry_id, operator_id, project_id, incident_id, state, attempts)
SELECT '00000000-0000-7000-8000-0000000003d2', id, '0192d1a0-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-0000000003c2', 'delivered', 1 FROM operators ORDER BY id LIMIT 1;

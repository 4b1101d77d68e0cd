-- An incident as both versions of the program write it: what it copies of its event is not theirs to say.
INSERT INTO incidents (id, event_id, project_id, reason) VALUES
    ('0192d1a0-0000-7000-8000-000000000063', '0192d1a0-0000-7000-8000-000000000041', '0192d1a0-0000-7000-8000-000000000001', 'missing_result');

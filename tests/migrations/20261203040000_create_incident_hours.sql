-- An hour in which two incidents of one cause were opened and one was resolved, and one of an incident whose cause is not known.
INSERT INTO incident_hours (hour, project_id, cause, late, opened, resolved) VALUES
    (date_trunc('hour', now() - interval '3 hours'), '0192d1a0-0000-7000-8000-000000000001', '00000000-0000-8000-8000-000000000001', 2, 2, 1),
    (date_trunc('hour', now() - interval '2 hours'), '0192d1a0-0000-7000-8000-000000000001', '00000000-0000-0000-0000-000000000000', 0, 1, 0);

-- Bob is told that the policy stopped.
INSERT INTO notices (destination_id, kind, day, project_id, about_id, since, until)
SELECT id, 'policy_stopped', current_date, project_id, '0192d1a0-0000-7000-8000-0000000000d1', now(), now() FROM destinations LIMIT 1;

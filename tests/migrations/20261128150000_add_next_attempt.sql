-- A callback whose next attempt is due in an hour.
UPDATE reprocesses SET next_attempt_at = now() + interval '1 hour' WHERE id = '0192d1a0-0000-7000-8000-000000000073';

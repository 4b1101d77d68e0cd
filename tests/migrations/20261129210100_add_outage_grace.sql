-- One incident was opened later because of an outage.
UPDATE incidents SET outage_grace_seconds = 95 WHERE id = '0192d1a0-0000-7000-8000-000000000062';

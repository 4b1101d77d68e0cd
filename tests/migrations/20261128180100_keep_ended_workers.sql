-- A worker that ended in order an hour ago.
UPDATE worker_heartbeats SET ended_at = seen_at WHERE id = '0192d1a0-0000-7000-8000-0000000000f2';

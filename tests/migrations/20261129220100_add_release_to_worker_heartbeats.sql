UPDATE worker_heartbeats SET release = '0.1.0' WHERE id = '0192d1a0-0000-7000-8000-0000000000f2';

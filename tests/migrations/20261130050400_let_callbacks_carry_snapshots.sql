UPDATE reprocesses SET with_snapshot = true WHERE id = '0192d1a0-0000-7000-8000-000000000073';

UPDATE cause_threads SET acknowledged_by = '0192d1a0-0000-7000-8000-0000000000d8';

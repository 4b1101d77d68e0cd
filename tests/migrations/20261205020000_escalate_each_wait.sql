-- The next destination was told of what waits now.
UPDATE cause_waits SET wait_step = 1 WHERE cause = '0192d1a0-0000-8000-8000-0000000000f2';

-- Nothing new to hold: the rows of before are in the indexes.
UPDATE incidents SET acknowledged_at = now(), state = 'acknowledged' WHERE id = '0192d1a0-0000-7000-8000-000000000063';

-- The live shop keeps them for long and sends them along; the test shop keeps them for a day.
UPDATE projects SET snapshot_days = 90, snapshot_in_callback = true WHERE id = '0192d1a0-0000-7000-8000-000000000002';
UPDATE projects SET snapshot_days = 1 WHERE id = '0192d1a0-0000-7000-8000-000000000001';

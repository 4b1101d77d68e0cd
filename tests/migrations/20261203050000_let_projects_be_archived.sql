-- One was archived and taken back, another one is archived.
UPDATE projects SET restored_at = now() WHERE id = '0192d1a0-0000-7000-8000-000000000001';
UPDATE projects SET archived_at = now() WHERE id = '0192d1a0-0000-7000-8000-000000000003';

-- A change that is under way, and one that is over.
UPDATE backfills SET done_until = '0192d1a0-0000-7000-8000-000000000042' WHERE name = 'event_keys';
INSERT INTO backfills (name, finished_at) VALUES ('sample', now());

-- Retention is paused.
UPDATE environments SET retention_paused = 'paused by bob@example.com';

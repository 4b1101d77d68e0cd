-- Whether the episode began with what healed or was acknowledged, and nothing that opened was told of it since: to a
-- destination that was added late. The next incident that opens is told immediately.
ALTER TABLE cause_threads ADD COLUMN is_quiet boolean NOT NULL DEFAULT false;

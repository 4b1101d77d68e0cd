-- When a callback's next attempt is due: now while one is under way, NULL before the first and in rows of older
-- binaries. Temporal waits for the same moment, but its tools can cancel, pause or hurry what waits there; this is
-- what counts.
ALTER TABLE reprocesses ADD COLUMN next_attempt_at timestamptz;

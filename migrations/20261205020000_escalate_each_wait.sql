-- Up to which step it was escalated since `waiting_since`. `step` is the furthest that was ever told of the cause, who learn
-- that it is over.
ALTER TABLE cause_waits ADD COLUMN wait_step integer NOT NULL DEFAULT 0;
UPDATE cause_waits SET wait_step = step WHERE waiting_since IS NOT NULL;

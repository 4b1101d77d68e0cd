-- Since when a destination takes nothing, and what it responded last. Both end with a message that it took.
ALTER TABLE destinations
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN last_failure text;
-- Of failures before this, the first is not known: at the latest, it was noted now.
UPDATE destinations SET failing_since = coalesce(gone_at, broken_at, now()) WHERE failures > 0 OR broken_at IS NOT NULL;

-- How many seconds after its deadline an incident's silence was judged, because of an outage of our own API; null where
-- it was judged on time.
ALTER TABLE incidents ADD COLUMN outage_grace_seconds integer
    CONSTRAINT incidents_grace_check CHECK (outage_grace_seconds > 0);

-- How many seconds may pass between two heartbeats of an activity; null for one that sends none.
ALTER TABLE extensions ADD COLUMN heartbeat_seconds integer
    CONSTRAINT extensions_heartbeat_check CHECK (heartbeat_seconds IS NULL
        OR (kind = 'activity' AND heartbeat_seconds BETWEEN 2 AND 15 AND heartbeat_seconds < budget_seconds));

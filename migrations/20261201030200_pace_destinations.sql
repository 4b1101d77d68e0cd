-- When the next message may begin to go to a destination whose provider says how many it takes.
ALTER TABLE destinations ADD COLUMN next_send_at timestamptz;
-- The alerts that are under way to a destination.
CREATE INDEX alerts_leased_idx ON alerts (destination_id) WHERE state = 'pending' AND leased_until IS NOT NULL;

-- What a destination answered lately. `failures` counts attempts since the last message that it took;
-- until `retry_at` nothing is sent there; `gone_at` is the first answer since then that said that nobody
-- is there. Two of those, ten minutes apart, make it broken.
ALTER TABLE destinations
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN gone_at timestamptz;

-- Whoever sends an alert holds it until then, so that two processes send it once.
ALTER TABLE alerts ADD COLUMN leased_until timestamptz;
ALTER TABLE alerts DROP CONSTRAINT alerts_state_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_state_check
    CHECK (state IN ('pending', 'delivered', 'given_up', 'superseded')) NOT VALID;
CREATE INDEX alerts_waiting_idx ON alerts (destination_id, id) WHERE state = 'pending';

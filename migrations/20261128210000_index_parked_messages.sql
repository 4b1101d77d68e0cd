-- The health checks count parked messages every few seconds and the sweep looks for old ones every minute.
-- Hardly any message is ever parked: the index is empty, and what is written without being parked does not
-- touch it.
CREATE INDEX outbox_parked_idx ON outbox (parked_at) WHERE parked_at IS NOT NULL;

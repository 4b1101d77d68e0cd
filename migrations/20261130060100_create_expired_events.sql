-- What is left of an event that went: enough to tell its receipt apart from a new one. Its key stays in
-- event_keys for as long as the row here.
CREATE TABLE expired_events (
    event_id   uuid        CONSTRAINT expired_events_pkey PRIMARY KEY,
    timeout_at timestamptz NOT NULL,
    expired_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX expired_events_expired_idx ON expired_events (expired_at, event_id);

-- Keys grow with time, so this one grows at its end. A key cannot be computed from its event where the provider
-- gives every test event the same id.
CREATE INDEX event_keys_event_idx ON event_keys (event_id);

-- What may be due, by project. A receipt adds nothing to it; the first result does.
CREATE INDEX payment_events_settled_idx ON payment_events (project_id, settled_at, id) WHERE settled_at IS NOT NULL;

-- Committed wishes for Temporal. A relayed row is deleted; a poisoned one is parked for a person.
CREATE TABLE outbox (
    id              uuid        CONSTRAINT outbox_pkey PRIMARY KEY,
    event_id        uuid        NOT NULL,
    wish            text        NOT NULL CONSTRAINT outbox_wish_check CHECK (wish IN ('start', 'restart', 'result', 'reprocess', 'resolve')),
    payload         jsonb       NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    attempts        integer     NOT NULL DEFAULT 0,
    refusals        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    parked_at       timestamptz,
    last_error      text
);
CREATE INDEX outbox_due_idx ON outbox (next_attempt_at) WHERE parked_at IS NULL;
CREATE INDEX outbox_event_idx ON outbox (event_id);

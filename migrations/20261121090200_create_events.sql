-- Events and results grow for ever. Their keys are UUIDv7, which sort by time, and no foreign key
-- points at them, so that both can be cut into monthly partitions by `id` later.
CREATE TABLE payment_events (
    id                  uuid        CONSTRAINT payment_events_pkey PRIMARY KEY,
    project_id          uuid        NOT NULL CONSTRAINT payment_events_project_fkey REFERENCES projects,
    api_key_id          uuid        NOT NULL,
    provider            text        NOT NULL,
    provider_event_id   text        NOT NULL,
    event_type          text        NOT NULL,
    effect_type         text        NOT NULL,
    internal_reference  text        NOT NULL,
    occurred_at         timestamptz NOT NULL,
    shopify_shop_domain text,
    snapshot            bytea,
    effect              text        NOT NULL DEFAULT 'pending'
                        CONSTRAINT payment_events_effect_check CHECK (effect IN ('pending', 'succeeded', 'failed', 'missing')),
    received_at         timestamptz NOT NULL DEFAULT now(),
    timeout_minutes     integer     NOT NULL,
    timeout_at          timestamptz NOT NULL,
    settled_at          timestamptz
);
CREATE INDEX payment_events_provider_event_idx ON payment_events (project_id, provider_event_id);
CREATE INDEX payment_events_overdue_idx ON payment_events (timeout_at) WHERE effect = 'pending';

-- The deduplicator: one event per project, provider, provider's id and effect, for ever. It stands
-- apart because a partitioned table cannot hold this constraint.
CREATE TABLE event_identities (
    project_id        uuid NOT NULL,
    provider          text NOT NULL,
    provider_event_id text NOT NULL,
    effect_type       text NOT NULL,
    event_id          uuid NOT NULL,
    CONSTRAINT event_identities_pkey PRIMARY KEY (project_id, provider, provider_event_id, effect_type)
);

CREATE TABLE results (
    id            uuid        CONSTRAINT results_pkey PRIMARY KEY,
    event_id      uuid        NOT NULL,
    project_id    uuid        NOT NULL,
    outcome       text        NOT NULL CONSTRAINT results_outcome_check CHECK (outcome IN ('success', 'failed')),
    error_code    text,
    error_message text,
    replay_id     uuid,
    received_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX results_event_idx ON results (event_id);

-- Results that came before their receipt, kept for 24 hours.
CREATE TABLE early_results (
    id                uuid        CONSTRAINT early_results_pkey PRIMARY KEY,
    project_id        uuid        NOT NULL CONSTRAINT early_results_project_fkey REFERENCES projects,
    api_key_id        uuid        NOT NULL,
    idempotency_key   text        NOT NULL,
    request_hash      bytea       NOT NULL,
    provider          text,
    provider_event_id text        NOT NULL,
    effect_type       text,
    outcome           text        NOT NULL CONSTRAINT early_results_outcome_check CHECK (outcome IN ('success', 'failed')),
    error_code        text,
    error_message     text,
    received_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT early_results_idempotency_key UNIQUE (project_id, idempotency_key)
);
CREATE INDEX early_results_provider_event_idx ON early_results (project_id, provider_event_id);
CREATE INDEX early_results_received_idx ON early_results (received_at);

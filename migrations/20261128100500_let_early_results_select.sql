-- A kept result names what tells its event apart, and one key may bring a failure and its success.
ALTER TABLE early_results
    ADD COLUMN fingerprint         bytea,
    ADD COLUMN shopify_shop_domain text,
    ADD COLUMN event_type          text,
    ADD COLUMN internal_reference  text,
    ADD COLUMN effect_key          text,
    DROP CONSTRAINT early_results_idempotency_key,
    ADD CONSTRAINT early_results_idempotency_key UNIQUE (project_id, idempotency_key, outcome);

-- Kept results that have settled a receipt, for 24 hours: another receipt that one of them fits as
-- well is told so on its timeline.
CREATE TABLE claimed_early_results (
    id                  uuid        CONSTRAINT claimed_early_results_pkey PRIMARY KEY,
    project_id          uuid        NOT NULL CONSTRAINT claimed_early_results_project_fkey REFERENCES projects,
    event_id            uuid        NOT NULL,
    provider            text,
    provider_event_id   text        NOT NULL,
    shopify_shop_domain text,
    event_type          text,
    effect_type         text,
    internal_reference  text,
    effect_key          text,
    claimed_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX claimed_early_results_provider_event_idx ON claimed_early_results (project_id, provider_event_id);
CREATE INDEX claimed_early_results_claimed_idx ON claimed_early_results (claimed_at);

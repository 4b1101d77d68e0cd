-- Read-only pages of one incident, for whoever has the link. Only the SHA-256 of the token is kept.
CREATE TABLE proof_links (
    id             uuid        CONSTRAINT proof_links_pkey PRIMARY KEY,
    incident_id    uuid        NOT NULL CONSTRAINT proof_links_incident_fkey REFERENCES incidents,
    project_id     uuid        NOT NULL CONSTRAINT proof_links_project_fkey REFERENCES projects,
    event_id       uuid        NOT NULL,
    token_hash     bytea       NOT NULL CONSTRAINT proof_links_token_hash_key UNIQUE,
    created_by     text        NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    views          bigint      NOT NULL DEFAULT 0,
    last_viewed_at timestamptz,
    CONSTRAINT proof_links_life_check
        CHECK (expires_at > created_at AND expires_at <= created_at + interval '366 days')
);
CREATE INDEX proof_links_incident_idx ON proof_links (incident_id);

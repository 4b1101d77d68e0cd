-- A project is one monitored payment flow.
CREATE TABLE projects (
    id              uuid        CONSTRAINT projects_pkey PRIMARY KEY,
    name            text        NOT NULL CONSTRAINT projects_name_check CHECK (char_length(name) BETWEEN 1 AND 255),
    mode            text        NOT NULL CONSTRAINT projects_mode_check CHECK (mode IN ('test', 'live')),
    timeout_minutes integer     NOT NULL CONSTRAINT projects_timeout_check CHECK (timeout_minutes BETWEEN 1 AND 10080),
    repair_url      text,
    snapshots       boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

-- Several secrets are valid while one is being rotated out. `sealed` is an AEAD envelope whose
-- associated data names this row.
CREATE TABLE signing_secrets (
    id         uuid        CONSTRAINT signing_secrets_pkey PRIMARY KEY,
    project_id uuid        NOT NULL CONSTRAINT signing_secrets_project_fkey REFERENCES projects,
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz
);
CREATE INDEX signing_secrets_project_idx ON signing_secrets (project_id);

-- Only the SHA-256 of a key is kept.
CREATE TABLE api_keys (
    id           uuid        CONSTRAINT api_keys_pkey PRIMARY KEY,
    project_id   uuid        NOT NULL CONSTRAINT api_keys_project_fkey REFERENCES projects,
    label        text        NOT NULL CONSTRAINT api_keys_label_check CHECK (char_length(label) BETWEEN 1 AND 255),
    hash         bytea       NOT NULL CONSTRAINT api_keys_hash_key UNIQUE,
    last_four    text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_project_idx ON api_keys (project_id);

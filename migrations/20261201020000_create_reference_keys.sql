-- The key that hashes a project's references, sealed with the master key. Made with the first hash, and never replaced.
CREATE TABLE reference_keys (
    project_id uuid        NOT NULL CONSTRAINT reference_keys_pkey PRIMARY KEY
               CONSTRAINT reference_keys_project_fkey REFERENCES projects,
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The key that seals a project's snapshots, itself sealed with the master key. Made with the first snapshot.
CREATE TABLE snapshot_keys (
    project_id uuid        NOT NULL CONSTRAINT snapshot_keys_pkey PRIMARY KEY
               CONSTRAINT snapshot_keys_project_fkey REFERENCES projects,
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The key that hashes a project's references, sealed with the master key. Made with the first hash, and never replaced.
CREATE TABLE reference_keys (
    project_id uuid        NOT NULL CONSTRAINT reference_keys_pkey PRIMARY KEY
               CONSTRAINT reference_keys_project_fkey REFERENCES projects,
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The key that seals what is written about one customer, itself sealed with the master key. Made with the first text.
-- Which customer it is of is said by a keyed hash of the reference. A key that was destroyed leaves its row while the
-- customer is being erased, so that none is made in its place.
CREATE TABLE customer_keys (
    id           uuid        CONSTRAINT customer_keys_pkey PRIMARY KEY,
    project_id   uuid        NOT NULL CONSTRAINT customer_keys_project_fkey REFERENCES projects,
    customer     uuid        NOT NULL,
    sealed       bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CONSTRAINT customer_keys_customer_key UNIQUE (project_id, customer),
    CONSTRAINT customer_keys_destroyed_check CHECK ((sealed IS NULL) = (destroyed_at IS NOT NULL))
);

-- Guesses at one address. The address is kept as SHA-256: people type passwords into the wrong field.
CREATE TABLE sign_in_failures (
    email_hash      bytea       CONSTRAINT sign_in_failures_pkey PRIMARY KEY,
    failures        integer     NOT NULL CONSTRAINT sign_in_failures_failures_check CHECK (failures > 0),
    first_failed_at timestamptz NOT NULL,
    locked_until    timestamptz
);
CREATE INDEX sign_in_failures_first_idx ON sign_in_failures (first_failed_at);

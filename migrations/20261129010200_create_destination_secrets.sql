-- What signs the messages of a webhook, an AEAD envelope whose associated data names this row. The current
-- one does not expire; one that was replaced does, a day later.
CREATE TABLE destination_secrets (
    id             uuid        CONSTRAINT destination_secrets_pkey PRIMARY KEY,
    destination_id uuid        NOT NULL CONSTRAINT destination_secrets_destination_fkey REFERENCES destinations,
    sealed         bytea       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz
);
CREATE INDEX destination_secrets_destination_idx ON destination_secrets (destination_id);

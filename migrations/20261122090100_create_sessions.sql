-- Signed-in browsers. Only the SHA-256 of the token in the cookie is kept. `flash` is a message for
-- the next page, such as a key that is shown once: an AEAD envelope whose associated data names this row.
CREATE TABLE sessions (
    id           uuid        CONSTRAINT sessions_pkey PRIMARY KEY,
    operator_id  uuid        NOT NULL CONSTRAINT sessions_operator_fkey REFERENCES operators,
    token_hash   bytea       NOT NULL CONSTRAINT sessions_token_hash_key UNIQUE,
    user_agent   text        CONSTRAINT sessions_user_agent_check CHECK (char_length(user_agent) BETWEEN 1 AND 255),
    flash        bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX sessions_operator_idx ON sessions (operator_id);

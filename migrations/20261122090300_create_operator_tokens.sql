-- Tokens with which an operator's own tools ask, instead of a browser. Only the SHA-256 is kept.
CREATE TABLE operator_tokens (
    id           uuid        CONSTRAINT operator_tokens_pkey PRIMARY KEY,
    operator_id  uuid        NOT NULL CONSTRAINT operator_tokens_operator_fkey REFERENCES operators,
    label        text        NOT NULL CONSTRAINT operator_tokens_label_check CHECK (char_length(label) BETWEEN 1 AND 255),
    hash         bytea       NOT NULL CONSTRAINT operator_tokens_hash_key UNIQUE,
    last_four    text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX operator_tokens_operator_idx ON operator_tokens (operator_id);

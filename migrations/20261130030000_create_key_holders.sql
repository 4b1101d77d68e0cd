-- Which master keys each running process has, as the eight hexadecimal digits that sealed values name them by, the one
-- that seals first. A process says so every ten seconds and removes its row when it ends in order, so that a key is
-- changed only where every process has the new one.
CREATE TABLE key_holders (
    id         uuid        NOT NULL CONSTRAINT key_holders_pkey PRIMARY KEY,
    process    text        NOT NULL,
    release    text        NOT NULL,
    keys       text[]      NOT NULL CONSTRAINT key_holders_keys_check CHECK (cardinality(keys) > 0),
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

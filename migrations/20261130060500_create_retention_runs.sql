-- What each run of a rule of retention did. `seen_at` moves while it runs: a run that has no end and was not seen
-- for a while was cut off.
CREATE TABLE retention_runs (
    id         uuid        CONSTRAINT retention_runs_pkey PRIMARY KEY,
    rule       text        NOT NULL,
    started_by text        NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    deleted    bigint      NOT NULL DEFAULT 0,
    error      text,
    CONSTRAINT retention_runs_error_check CHECK (error IS NULL OR ended_at IS NOT NULL)
);
CREATE INDEX retention_runs_rule_idx ON retention_runs (rule, started_at);

-- Since when rules are expected to run.
ALTER TABLE environments ADD COLUMN retention_since timestamptz NOT NULL DEFAULT now();

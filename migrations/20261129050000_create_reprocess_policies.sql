-- What a project lets be reprocessed without a person, per effect type; off until an admin turns it on.
-- What takes something from customers needs `may_take` beside that. What its breaker counts, it counts
-- since `counts_since`: when the policy was turned on.
CREATE TABLE reprocess_policies (
    project_id     uuid        NOT NULL CONSTRAINT reprocess_policies_project_fkey REFERENCES projects,
    effect_type    text        NOT NULL,
    enabled        boolean     NOT NULL,
    attempts       integer     NOT NULL CONSTRAINT reprocess_policies_attempts_check CHECK (attempts BETWEEN 1 AND 5),
    delay_seconds  integer     NOT NULL CONSTRAINT reprocess_policies_delay_check CHECK (delay_seconds BETWEEN 0 AND 86400),
    stop_failed    integer     NOT NULL CONSTRAINT reprocess_policies_failed_check CHECK (stop_failed BETWEEN 1 AND stop_of),
    stop_of        integer     NOT NULL CONSTRAINT reprocess_policies_of_check CHECK (stop_of BETWEEN 1 AND 100),
    stop_customers integer     NOT NULL CONSTRAINT reprocess_policies_customers_check CHECK (stop_customers BETWEEN 1 AND 1000),
    wait_alerts    boolean     NOT NULL,
    may_take       boolean     NOT NULL,
    counts_since   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reprocess_policies_pkey PRIMARY KEY (project_id, effect_type),
    CONSTRAINT reprocess_policies_take_check
        CHECK (NOT enabled OR may_take OR effect_type NOT IN ('access_revocation', 'credit_deduction'))
);

-- A policy that stopped for one cause, until somebody resets it. The numbers are those of that moment:
-- `counted` failures among `out_of` reprocesses, or more customers than `out_of`.
CREATE TABLE policy_stops (
    id          uuid        CONSTRAINT policy_stops_pkey PRIMARY KEY,
    project_id  uuid        NOT NULL CONSTRAINT policy_stops_project_fkey REFERENCES projects,
    effect_type text        NOT NULL,
    cause       uuid        NOT NULL,
    event_type  text        NOT NULL,
    reason      text        NOT NULL CONSTRAINT policy_stops_reason_check CHECK (reason IN ('missing_result', 'failed_result')),
    error_code  text,
    kind        text        NOT NULL CONSTRAINT policy_stops_kind_check CHECK (kind IN ('failed', 'customers')),
    counted     bigint      NOT NULL,
    out_of      bigint      NOT NULL,
    stopped_at  timestamptz NOT NULL DEFAULT now(),
    reset_at    timestamptz
);
CREATE UNIQUE INDEX policy_stops_unreset_key ON policy_stops (cause) WHERE reset_at IS NULL;
CREATE INDEX policy_stops_cause_idx ON policy_stops (cause, reset_at);
CREATE INDEX policy_stops_project_idx ON policy_stops (project_id, stopped_at) WHERE reset_at IS NULL;

-- What a policy still has to do about the incident of an event: start a reprocess at `try_at`, let the
-- alerts go that have waited for it at `alerts_at`. The row goes when neither is left.
CREATE TABLE policy_plans (
    event_id  uuid        CONSTRAINT policy_plans_pkey PRIMARY KEY,
    try_at    timestamptz,
    alerts_at timestamptz,
    due_at    timestamptz GENERATED ALWAYS AS (least(try_at, alerts_at)) STORED,
    CONSTRAINT policy_plans_due_check CHECK (try_at IS NOT NULL OR alerts_at IS NOT NULL)
);
CREATE INDEX policy_plans_due_idx ON policy_plans (due_at);

-- The cause that an incident was opened with, as `domain::cause` computes it, and the error code that is
-- part of it; not known of those that an earlier release opened. A reprocess has a cause where a policy
-- started it.
ALTER TABLE incidents ADD COLUMN cause uuid, ADD COLUMN cause_code text;
CREATE INDEX incidents_cause_idx ON incidents (cause, internal_reference) WHERE state <> 'resolved';
ALTER TABLE reprocesses ADD COLUMN cause uuid;
CREATE INDEX reprocesses_cause_idx ON reprocesses (cause, requested_at) WHERE cause IS NOT NULL;

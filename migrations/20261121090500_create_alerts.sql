-- Where alerts go. `address` is an e-mail address; a Slack URL is a secret and lives in `sealed`,
-- an AEAD envelope whose associated data names this row.
CREATE TABLE destinations (
    id         uuid        CONSTRAINT destinations_pkey PRIMARY KEY,
    project_id uuid        NOT NULL CONSTRAINT destinations_project_fkey REFERENCES projects,
    kind       text        NOT NULL CONSTRAINT destinations_kind_check CHECK (kind IN ('email', 'slack')),
    address    text        NOT NULL,
    sealed     bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    broken_at  timestamptz,
    removed_at timestamptz,
    CONSTRAINT destinations_sealed_check CHECK ((kind = 'slack') = (sealed IS NOT NULL))
);
CREATE INDEX destinations_project_idx ON destinations (project_id);

-- One message to one destination, written in the transaction of what it tells. `replay_id` names
-- the reprocess that failed, so that each failure is told.
CREATE TABLE alerts (
    id             uuid        CONSTRAINT alerts_pkey PRIMARY KEY,
    incident_id    uuid        NOT NULL CONSTRAINT alerts_incident_fkey REFERENCES incidents,
    event_id       uuid        NOT NULL,
    destination_id uuid        NOT NULL CONSTRAINT alerts_destination_fkey REFERENCES destinations,
    kind           text        NOT NULL
                   CONSTRAINT alerts_kind_check CHECK (kind IN ('incident_opened', 'reprocess_failed', 'incident_resolved')),
    replay_id      uuid,
    state          text        NOT NULL DEFAULT 'pending'
                   CONSTRAINT alerts_state_check CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts       integer     NOT NULL DEFAULT 0,
    last_answer    text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    CONSTRAINT alerts_occasion_key UNIQUE NULLS NOT DISTINCT (incident_id, kind, destination_id, replay_id)
);
CREATE INDEX alerts_pending_idx ON alerts (event_id) WHERE state = 'pending';

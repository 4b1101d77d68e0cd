-- At most one incident per event, for ever.
CREATE TABLE incidents (
    id              uuid        CONSTRAINT incidents_pkey PRIMARY KEY,
    event_id        uuid        NOT NULL CONSTRAINT incidents_event_key UNIQUE,
    project_id      uuid        NOT NULL CONSTRAINT incidents_project_fkey REFERENCES projects,
    state           text        NOT NULL DEFAULT 'open'
                    CONSTRAINT incidents_state_check CHECK (state IN ('open', 'acknowledged', 'reprocessing', 'resolved')),
    reason          text        NOT NULL CONSTRAINT incidents_reason_check CHECK (reason IN ('missing_result', 'failed_result')),
    error_code      text,
    error_message   text,
    resolution      text
                    CONSTRAINT incidents_resolution_check CHECK (resolution IN ('reprocessed', 'late_success', 'manual')),
    resolution_note text,
    opened_at       timestamptz NOT NULL DEFAULT now(),
    acknowledged_at timestamptz,
    resolved_at     timestamptz,
    CONSTRAINT incidents_resolved_check CHECK ((state = 'resolved') = (resolution IS NOT NULL AND resolved_at IS NOT NULL))
);
CREATE INDEX incidents_unresolved_idx ON incidents (project_id, id) WHERE state <> 'resolved';
CREATE INDEX incidents_project_idx ON incidents (project_id, id);

-- One reprocess at a time per incident. `body` is what every attempt sends, byte for byte.
CREATE TABLE reprocesses (
    id            uuid        CONSTRAINT reprocesses_pkey PRIMARY KEY,
    incident_id   uuid        NOT NULL CONSTRAINT reprocesses_incident_fkey REFERENCES incidents,
    event_id      uuid        NOT NULL,
    state         text        NOT NULL DEFAULT 'requested'
                  CONSTRAINT reprocesses_state_check CHECK (state IN ('requested', 'delivering', 'awaiting_result',
                      'succeeded', 'failed', 'no_result', 'undelivered')),
    requested_by  text        NOT NULL,
    note          text,
    body          text        NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    result_due_at timestamptz,
    finished_at   timestamptz
);
CREATE INDEX reprocesses_incident_idx ON reprocesses (incident_id);
CREATE UNIQUE INDEX reprocesses_running_key ON reprocesses (incident_id)
    WHERE state IN ('requested', 'delivering', 'awaiting_result');

-- One row per HTTP try, written before the request goes out, so that a crash in between is seen.
CREATE TABLE callback_attempts (
    replay_id   uuid        NOT NULL,
    attempt     integer     NOT NULL,
    nonce       text        NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    status      integer,
    error       text,
    latency_ms  bigint,
    answer      text,
    CONSTRAINT callback_attempts_pkey PRIMARY KEY (replay_id, attempt),
    CONSTRAINT callback_attempts_nonce_key UNIQUE (replay_id, nonce)
);

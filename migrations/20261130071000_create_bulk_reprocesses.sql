-- Many incidents that are reprocessed at a pace. `items` is how many, frozen in the preview. It goes on by
-- itself while `state` is running: `next_at` is when the pace lets the next one start, `stepped_at` when it was last
-- seen to. `seen_ended` and `seen_failed` are what had ended when somebody resumed it. While `dispatch_at` is set,
-- its workflow has to be started or woken.
CREATE TABLE bulk_reprocesses (
    id               uuid        CONSTRAINT bulk_reprocesses_pkey PRIMARY KEY,
    project_id       uuid        NOT NULL CONSTRAINT bulk_reprocesses_project_fkey REFERENCES projects,
    cause            uuid,
    retry_of         uuid,
    state            text        NOT NULL DEFAULT 'preview' CONSTRAINT bulk_reprocesses_state_check
                     CHECK (state IN ('preview', 'running', 'paused', 'canceled', 'done')),
    requested_by     text        NOT NULL,
    note             text,
    why              text,
    items            integer     NOT NULL CONSTRAINT bulk_reprocesses_items_check CHECK (items BETWEEN 0 AND 10000),
    excluded_running bigint      NOT NULL,
    excluded_taking  bigint      NOT NULL,
    canary           integer     CONSTRAINT bulk_reprocesses_canary_check CHECK (canary BETWEEN 0 AND 100),
    per_minute       integer     CONSTRAINT bulk_reprocesses_pace_check CHECK (per_minute BETWEEN 1 AND 600),
    stop_percent     integer     CONSTRAINT bulk_reprocesses_stop_check CHECK (stop_percent BETWEEN 1 AND 100),
    seen_ended       bigint      NOT NULL DEFAULT 0,
    seen_failed      bigint      NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    ended_at         timestamptz,
    next_at          timestamptz,
    stepped_at       timestamptz,
    dispatch_at      timestamptz,
    CONSTRAINT bulk_reprocesses_started_check CHECK ((state = 'preview') = (started_at IS NULL)),
    CONSTRAINT bulk_reprocesses_settings_check
        CHECK (started_at IS NULL OR (note IS NOT NULL AND canary IS NOT NULL AND per_minute IS NOT NULL AND stop_percent IS NOT NULL)),
    CONSTRAINT bulk_reprocesses_ended_check CHECK ((state IN ('canceled', 'done')) = (ended_at IS NOT NULL))
);
CREATE INDEX bulk_reprocesses_project_idx ON bulk_reprocesses (project_id, id);
CREATE INDEX bulk_reprocesses_dispatch_idx ON bulk_reprocesses (dispatch_at) WHERE dispatch_at IS NOT NULL;
CREATE INDEX bulk_reprocesses_running_idx ON bulk_reprocesses (stepped_at) WHERE state IN ('running', 'paused');
CREATE INDEX bulk_reprocesses_preview_idx ON bulk_reprocesses (created_at) WHERE state = 'preview';

-- One incident of it. `why` is why it was skipped, or what its reprocess ended as.
CREATE TABLE bulk_reprocess_items (
    bulk_id     uuid    NOT NULL CONSTRAINT bulk_reprocess_items_bulk_fkey REFERENCES bulk_reprocesses ON DELETE CASCADE,
    place       integer NOT NULL,
    incident_id uuid    NOT NULL CONSTRAINT bulk_reprocess_items_incident_fkey REFERENCES incidents ON DELETE CASCADE,
    event_id    uuid    NOT NULL,
    state       text    NOT NULL DEFAULT 'waiting' CONSTRAINT bulk_reprocess_items_state_check
                CHECK (state IN ('waiting', 'started', 'succeeded', 'failed', 'skipped')),
    replay_id   uuid    CONSTRAINT bulk_reprocess_items_replay_key UNIQUE,
    why         text,
    CONSTRAINT bulk_reprocess_items_pkey PRIMARY KEY (bulk_id, place),
    CONSTRAINT bulk_reprocess_items_replay_check CHECK ((state IN ('started', 'succeeded', 'failed')) = (replay_id IS NOT NULL))
);
CREATE INDEX bulk_reprocess_items_state_idx ON bulk_reprocess_items (bulk_id, state, place);
CREATE INDEX bulk_reprocess_items_incident_idx ON bulk_reprocess_items (incident_id);

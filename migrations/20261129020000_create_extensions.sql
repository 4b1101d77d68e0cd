-- A team's own work in the flow: an activity on a task queue of its own, or a signed request to its URL.
-- `sealed` is the secret that signs those requests, an AEAD envelope whose associated data names this row.
-- A registration holds for events received after `created_at`; `paused_at` and `removed_at` hold at once.
-- `unanswered_in_a_row` counts calls since the last answer.
CREATE TABLE extensions (
    id                  uuid        CONSTRAINT extensions_pkey PRIMARY KEY,
    project_id          uuid        NOT NULL CONSTRAINT extensions_project_fkey REFERENCES projects,
    point               text        NOT NULL
                        CONSTRAINT extensions_point_check CHECK (point IN ('before_incident', 'after_failure', 'reprocess')),
    kind                text        NOT NULL CONSTRAINT extensions_kind_check CHECK (kind IN ('activity', 'https')),
    activity            text,
    queue               text        CONSTRAINT extensions_queue_check CHECK (queue LIKE 'sendpromptly-ext.%'),
    url                 text,
    sealed              bytea,
    trust               text        NOT NULL CONSTRAINT extensions_trust_check CHECK (trust IN ('propose', 'settle')),
    budget_seconds      integer     NOT NULL DEFAULT 60
                        CONSTRAINT extensions_budget_check CHECK (budget_seconds BETWEEN 5 AND 600),
    fallback            text        CONSTRAINT extensions_fallback_check CHECK (fallback IN ('callback', 'none')),
    calls_per_second    integer     NOT NULL DEFAULT 50
                        CONSTRAINT extensions_calls_check CHECK (calls_per_second BETWEEN 1 AND 1000),
    created_at          timestamptz NOT NULL DEFAULT now(),
    created_by          text        NOT NULL,
    paused_at           timestamptz,
    removed_at          timestamptz,
    unanswered_in_a_row integer     NOT NULL DEFAULT 0,
    CONSTRAINT extensions_target_check CHECK (
        (kind = 'activity') = (activity IS NOT NULL AND queue IS NOT NULL)
        AND (kind = 'https') = (url IS NOT NULL AND sealed IS NOT NULL)),
    CONSTRAINT extensions_reprocess_check CHECK ((point = 'reprocess') = (fallback IS NOT NULL))
);
CREATE UNIQUE INDEX extensions_target_key ON extensions (project_id, point, activity, queue, md5(url)) NULLS NOT DISTINCT
    WHERE removed_at IS NULL;

-- One call per occasion, whatever is restarted: the id that the extension is given stays the same. `why` says
-- why there is no answer, and `outcome` what the answer counted as.
CREATE TABLE extension_calls (
    id           uuid        CONSTRAINT extension_calls_pkey PRIMARY KEY,
    event_id     uuid        NOT NULL,
    extension_id uuid        NOT NULL CONSTRAINT extension_calls_extension_fkey REFERENCES extensions,
    point        text        NOT NULL
                 CONSTRAINT extension_calls_point_check CHECK (point IN ('before_incident', 'after_failure', 'reprocess')),
    replay_id    uuid,
    asked_at     timestamptz NOT NULL DEFAULT now(),
    answer_by    timestamptz NOT NULL,
    answered_at  timestamptz,
    answer       jsonb,
    why          text,
    error_type   text,
    outcome      text,
    CONSTRAINT extension_calls_occasion_key UNIQUE NULLS NOT DISTINCT (event_id, extension_id, point, replay_id),
    CONSTRAINT extension_calls_answered_check CHECK (
        (answered_at IS NOT NULL) = (outcome IS NOT NULL) AND (answered_at IS NOT NULL) = (answer IS NOT NULL OR why IS NOT NULL)),
    CONSTRAINT extension_calls_answer_check CHECK (octet_length(answer::text) <= 32768)
);
CREATE INDEX extension_calls_asked_idx ON extension_calls (extension_id, asked_at, id);

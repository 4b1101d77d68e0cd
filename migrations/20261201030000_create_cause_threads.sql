-- What a destination was told of a cause (incidents.cause). `root_…` is the first message of the conversation, which
-- later ones follow. An episode begins with `first_incident_id`, whose alerts are sent alone, and has so many
-- `incidents`; the last message, at `told_at`, was about `told` of them. `next_message` is the id of the notice that
-- will stand for the alerts that were folded since then.
CREATE TABLE cause_threads (
    id                uuid        CONSTRAINT cause_threads_pkey PRIMARY KEY,
    project_id        uuid        NOT NULL CONSTRAINT cause_threads_project_fkey REFERENCES projects,
    destination_id    uuid        NOT NULL CONSTRAINT cause_threads_destination_fkey REFERENCES destinations,
    cause             uuid        NOT NULL,
    root_incident_id  uuid        NOT NULL,
    root_kind         text        NOT NULL,
    root_replay_id    uuid,
    first_incident_id uuid        NOT NULL,
    began_at          timestamptz NOT NULL DEFAULT now(),
    incidents         integer     NOT NULL DEFAULT 1,
    told              integer     NOT NULL DEFAULT 1,
    has_news          boolean     NOT NULL DEFAULT false,
    told_at           timestamptz NOT NULL DEFAULT now(),
    next_message      uuid        NOT NULL,
    ended_at          timestamptz,
    CONSTRAINT cause_threads_cause_key UNIQUE (destination_id, cause)
);
CREATE INDEX cause_threads_running_idx ON cause_threads (id) WHERE ended_at IS NULL;

-- Whether a destination gets each incident by itself; where nothing is said, webhooks and activities do.
ALTER TABLE destinations ADD COLUMN every_incident boolean;

-- An alert that a message about its cause stands for is folded, and told once that message, `told_by`, was delivered.
-- That message may not be written yet.
ALTER TABLE alerts ADD COLUMN told_by uuid;
ALTER TABLE alerts DROP CONSTRAINT alerts_state_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_state_check
    CHECK (state IN ('pending', 'delivered', 'given_up', 'superseded', 'folded', 'told')) NOT VALID;
CREATE INDEX alerts_told_by_idx ON alerts (told_by) WHERE told_by IS NOT NULL;

-- The thread of a message about a cause, and the first incident of the episode that it is about. A newer one of the
-- thread supersedes one that was not sent yet.
ALTER TABLE notices ADD COLUMN cause_thread_id uuid, ADD COLUMN first_incident_id uuid;
ALTER TABLE notices DROP CONSTRAINT notices_state_check;
ALTER TABLE notices ADD CONSTRAINT notices_state_check
    CHECK (state IN ('pending', 'delivered', 'given_up', 'superseded')) NOT VALID;
CREATE INDEX notices_cause_thread_idx ON notices (cause_thread_id) WHERE cause_thread_id IS NOT NULL;

-- A comment is an entry of the audit. Those on a cause, which is no row, are found by this; the words stay in the audit.
CREATE TABLE cause_comments (
    entry_id   uuid        CONSTRAINT cause_comments_pkey PRIMARY KEY,
    project_id uuid        NOT NULL CONSTRAINT cause_comments_project_fkey REFERENCES projects,
    cause      uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cause_comments_cause_idx ON cause_comments (cause, entry_id);

-- An operator who has to be told of a comment, by mail, once. `due_at` is when the next attempt may begin; whoever claims
-- it moves it ahead.
CREATE TABLE mentions (
    entry_id    uuid        NOT NULL,
    operator_id uuid        NOT NULL CONSTRAINT mentions_operator_fkey REFERENCES operators,
    project_id  uuid        NOT NULL CONSTRAINT mentions_project_fkey REFERENCES projects,
    incident_id uuid        CONSTRAINT mentions_incident_fkey REFERENCES incidents ON DELETE CASCADE,
    cause       uuid,
    state       text        NOT NULL DEFAULT 'pending' CONSTRAINT mentions_state_check
                CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts    integer     NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mentions_pkey PRIMARY KEY (entry_id, operator_id),
    CONSTRAINT mentions_about_check CHECK ((incident_id IS NULL) <> (cause IS NULL))
);
CREATE INDEX mentions_due_idx ON mentions (due_at) WHERE state = 'pending';
CREATE INDEX mentions_incident_idx ON mentions (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX mentions_over_idx ON mentions (created_at) WHERE state <> 'pending';

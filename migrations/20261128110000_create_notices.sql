-- One message a day at most to each destination of a project about results that never found their
-- receipt: those whose audit entries are later than `since` and not later than `until`. `due_at` is when
-- the next attempt may begin; whoever makes it moves that on first, so that two processes make one.
CREATE TABLE notices (
    destination_id uuid        NOT NULL CONSTRAINT notices_destination_fkey REFERENCES destinations,
    day            date        NOT NULL,
    project_id     uuid        NOT NULL CONSTRAINT notices_project_fkey REFERENCES projects,
    since          timestamptz NOT NULL,
    until          timestamptz NOT NULL,
    state          text        NOT NULL DEFAULT 'pending'
                   CONSTRAINT notices_state_check CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts       integer     NOT NULL DEFAULT 0,
    last_answer    text,
    due_at         timestamptz NOT NULL DEFAULT now(),
    created_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    CONSTRAINT notices_pkey PRIMARY KEY (destination_id, day)
);
CREATE INDEX notices_project_idx ON notices (project_id, created_at);
CREATE INDEX notices_due_idx ON notices (due_at) WHERE state = 'pending';

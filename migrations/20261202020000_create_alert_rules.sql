-- How a project's people are told of incidents, where something else is wanted than each message at once. A project
-- without a row says nothing of it.
CREATE TABLE alert_rules (
    project_id  uuid        CONSTRAINT alert_rules_pkey PRIMARY KEY CONSTRAINT alert_rules_project_fkey REFERENCES projects,
    quiet_hours text        CONSTRAINT alert_rules_quiet_check
        CHECK (quiet_hours ~ '^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9] [A-Za-z0-9_+/-]+$'),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Times in which people are not told though incidents open: until `ends_at`, or `ended_at` where somebody ended it before.
CREATE TABLE maintenance_windows (
    id         uuid        CONSTRAINT maintenance_windows_pkey PRIMARY KEY,
    project_id uuid        NOT NULL CONSTRAINT maintenance_windows_project_fkey REFERENCES projects,
    reason     text,
    started_by text        NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    ends_at    timestamptz NOT NULL,
    ended_at   timestamptz,
    ended_by   text,
    CONSTRAINT maintenance_windows_length_check CHECK (ends_at > started_at AND ends_at <= started_at + interval '7 days'),
    CONSTRAINT maintenance_windows_ended_check CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX maintenance_windows_project_idx ON maintenance_windows (project_id, id);
CREATE INDEX maintenance_windows_running_idx ON maintenance_windows (project_id, ends_at) WHERE ended_at IS NULL;

-- What is held back from a destination: alerts that are folded name the hold as that which tells them, because its id
-- becomes that of the digest. One of a destination is open at most.
CREATE TABLE alert_holds (
    id             uuid        CONSTRAINT alert_holds_pkey PRIMARY KEY,
    project_id     uuid        NOT NULL CONSTRAINT alert_holds_project_fkey REFERENCES projects,
    destination_id uuid        NOT NULL CONSTRAINT alert_holds_destination_fkey REFERENCES destinations,
    reason         text        NOT NULL CONSTRAINT alert_holds_reason_check CHECK (reason IN ('maintenance', 'quiet_hours')),
    maintenance_id uuid,
    began_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at       timestamptz
);
CREATE UNIQUE INDEX alert_holds_open_key ON alert_holds (destination_id) WHERE ended_at IS NULL;
CREATE INDEX alert_holds_ended_idx ON alert_holds (destination_id, ended_at);

-- When an alert that was held back was let go; its 24 hours begin then.
ALTER TABLE alerts ADD COLUMN released_at timestamptz;

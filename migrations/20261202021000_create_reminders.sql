-- Incidents that people do not want to be told of again until a time, or until the next one of their cause opens. One of
-- an incident is open at most; `reminder_id` is the message that said that it is over.
CREATE TABLE snoozes (
    id          uuid        CONSTRAINT snoozes_pkey PRIMARY KEY,
    project_id  uuid        NOT NULL CONSTRAINT snoozes_project_fkey REFERENCES projects,
    event_id    uuid        NOT NULL,
    incident_id uuid        NOT NULL,
    cause       uuid,
    until       timestamptz,
    snoozed_by  text        NOT NULL,
    snoozed_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    ended_by    text        CONSTRAINT snoozes_end_check
        CHECK (ended_by IN ('time', 'next_of_cause', 'resolved', 'operator')),
    reminder_id uuid,
    CONSTRAINT snoozes_until_check CHECK (until IS NOT NULL OR cause IS NOT NULL),
    CONSTRAINT snoozes_ended_check CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX snoozes_open_key ON snoozes (incident_id) WHERE ended_at IS NULL;
CREATE INDEX snoozes_project_idx ON snoozes (project_id) WHERE ended_at IS NULL;
CREATE INDEX snoozes_reminder_idx ON snoozes (reminder_id) WHERE reminder_id IS NOT NULL;
CREATE INDEX snoozes_ended_idx ON snoozes (ended_at) WHERE ended_at IS NOT NULL;

-- Messages about incidents that were told before and still stand: of a cause, or of snoozes that are over.
CREATE TABLE reminders (
    id                  uuid        CONSTRAINT reminders_pkey PRIMARY KEY,
    project_id          uuid        NOT NULL CONSTRAINT reminders_project_fkey REFERENCES projects,
    cause               uuid,
    reason              text        NOT NULL CONSTRAINT reminders_reason_check
        CHECK (reason IN ('reminder', 'escalated', 'came_back', 'snooze_over', 'resolved')),
    nth                 integer     NOT NULL DEFAULT 1,
    acknowledged_before timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reminders_created_idx ON reminders (created_at);

-- After how many minutes people are told again: while nobody acknowledges, at the next step, and of what was acknowledged.
ALTER TABLE alert_rules
    ADD COLUMN remind_every    integer CONSTRAINT alert_rules_remind_check CHECK (remind_every BETWEEN 5 AND 10080),
    ADD COLUMN escalate_after  integer CONSTRAINT alert_rules_escalate_check CHECK (escalate_after BETWEEN 5 AND 10080),
    ADD COLUMN come_back_after integer CONSTRAINT alert_rules_come_back_check CHECK (come_back_after BETWEEN 5 AND 10080);

-- Destinations that are told only where those before them do not acknowledge.
CREATE TABLE escalation_steps (
    project_id     uuid    NOT NULL CONSTRAINT escalation_steps_project_fkey REFERENCES projects,
    step           integer NOT NULL CONSTRAINT escalation_steps_step_check CHECK (step BETWEEN 1 AND 3),
    destination_id uuid    NOT NULL CONSTRAINT escalation_steps_destination_fkey REFERENCES destinations,
    CONSTRAINT escalation_steps_pkey PRIMARY KEY (project_id, step),
    CONSTRAINT escalation_steps_destination_key UNIQUE (destination_id)
);

-- How far people were told again of a cause: since when an incident of it waits for somebody to acknowledge it, what the
-- last message said, and up to which step. It goes with the last incident of the cause.
CREATE TABLE cause_waits (
    project_id    uuid        NOT NULL CONSTRAINT cause_waits_project_fkey REFERENCES projects,
    cause         uuid        NOT NULL,
    waiting_since timestamptz,
    told_at       timestamptz,
    reminders     integer     NOT NULL DEFAULT 0,
    step          integer     NOT NULL DEFAULT 0,
    came_back_at  timestamptz,
    CONSTRAINT cause_waits_pkey PRIMARY KEY (project_id, cause)
);

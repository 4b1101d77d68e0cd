-- What the overview adds up, per day (UTC), project and event type. Each column counts something that
-- happened at a moment and is true for ever: a late success changes nothing that is written here. So
-- a stretch of time is added once, when it is over, and never again; see crates/store/src/figures.rs.
CREATE TABLE daily_figures (
    day        date     NOT NULL,
    project_id uuid     NOT NULL CONSTRAINT daily_figures_project_fkey REFERENCES projects,
    event_type text     NOT NULL,
    received   bigint   NOT NULL,  -- events received on that day
    troubled   bigint   NOT NULL,  -- of these, those with an incident, whenever it was opened
    opened     bigint   NOT NULL,  -- incidents opened on that day
    resolved   bigint   NOT NULL,  -- incidents resolved on that day
    detect_ms  bigint[] NOT NULL,  -- of those opened on that day: from the receipt to the incident
    repair_ms  bigint[] NOT NULL,  -- of those resolved on that day: from the incident to its end
    CONSTRAINT daily_figures_pkey PRIMARY KEY (day, project_id, event_type)
);

-- Until when a roll-up has added up what happened.
CREATE TABLE roll_ups (
    name         text        CONSTRAINT roll_ups_pkey PRIMARY KEY,
    rolled_until timestamptz NOT NULL
);
INSERT INTO roll_ups (name, rolled_until)
    SELECT 'daily_figures', coalesce((SELECT received_at FROM payment_events ORDER BY id LIMIT 1), now());

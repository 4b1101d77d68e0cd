-- What a project expects of its receipts: nothing, what its own weeks show, or at least one in so many hours.
-- Where real money is watched, silence is noticed unless somebody says otherwise.
ALTER TABLE projects ADD COLUMN expected_receipts text NOT NULL DEFAULT 'off'
    CONSTRAINT projects_expected_receipts_check CHECK (expected_receipts IN ('off', 'learned') OR expected_receipts ~ '^[1-9][0-9]{0,2}h$');
UPDATE projects SET expected_receipts = 'learned' WHERE mode = 'live';

-- How many receipts came in which hour (UTC), added up as daily_figures are; those of the last eight weeks. An hour
-- without any has no row.
CREATE TABLE receipt_hours (
    project_id uuid        NOT NULL CONSTRAINT receipt_hours_project_fkey REFERENCES projects,
    event_type text        NOT NULL,
    hour       timestamptz NOT NULL,
    receipts   bigint      NOT NULL,
    CONSTRAINT receipt_hours_pkey PRIMARY KEY (project_id, event_type, hour)
);
CREATE INDEX receipt_hours_hour_idx ON receipt_hours (hour);
INSERT INTO roll_ups (name, rolled_until)
    SELECT 'receipt_hours', greatest(rolled_until - interval '1 hour', date_trunc('hour', now() - interval '8 weeks'))
    FROM (SELECT coalesce((SELECT received_at FROM payment_events ORDER BY id LIMIT 1), now()) AS rolled_until) AS first;

-- Times in which the receipts of an event type, or of a whole project, did not come though they were expected: since
-- the last one before. It is measured by at least one in `expected_hours`, or by what came in an hour of the weeks
-- before. `resumed_at` is when the first one came again; without that it ended because something else is expected.
CREATE TABLE silences (
    id             uuid        CONSTRAINT silences_pkey PRIMARY KEY,
    project_id     uuid        NOT NULL CONSTRAINT silences_project_fkey REFERENCES projects,
    event_type     text,
    since          timestamptz NOT NULL,
    expected_hours integer,
    usual_per_hour bigint,
    noticed_at     timestamptz NOT NULL DEFAULT now(),
    ended_at       timestamptz,
    resumed_at     timestamptz,
    CONSTRAINT silences_measure_check CHECK ((expected_hours IS NULL) <> (usual_per_hour IS NULL)),
    CONSTRAINT silences_resumed_check CHECK (resumed_at IS NULL OR (ended_at IS NOT NULL AND resumed_at > since))
);
CREATE UNIQUE INDEX silences_open_key ON silences (project_id, event_type) NULLS NOT DISTINCT WHERE ended_at IS NULL;
CREATE INDEX silences_project_idx ON silences (project_id, id);

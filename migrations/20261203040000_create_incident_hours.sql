-- What happened to incidents in which hour (UTC), by project and cause, added up as daily_figures are; that of the last eight
-- days. `late` counts the events received in the hour that had an incident, whenever it opened. An hour in which nothing
-- happened has no row; incidents whose cause is not known have the nil id.
CREATE TABLE incident_hours (
    hour       timestamptz NOT NULL,
    project_id uuid        NOT NULL CONSTRAINT incident_hours_project_fkey REFERENCES projects,
    cause      uuid        NOT NULL,
    late       bigint      NOT NULL,
    opened     bigint      NOT NULL,
    resolved   bigint      NOT NULL,
    CONSTRAINT incident_hours_pkey PRIMARY KEY (hour, project_id, cause)
);
CREATE INDEX incident_hours_cause_idx ON incident_hours (cause, hour);
INSERT INTO roll_ups (name, rolled_until)
    SELECT 'incident_hours', greatest(first.opened_at - interval '1 hour', date_trunc('hour', now() - interval '8 days'))
    FROM (SELECT coalesce((SELECT opened_at FROM incidents ORDER BY id LIMIT 1), now()) AS opened_at) AS first;

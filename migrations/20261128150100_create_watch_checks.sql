-- When the sweep last had somebody look for the watch of an event about which something is overdue, so that
-- it does so at most every quarter of an hour. Rows are deleted after a day.
CREATE TABLE watch_checks (
    event_id   uuid        CONSTRAINT watch_checks_pkey PRIMARY KEY,
    checked_at timestamptz NOT NULL DEFAULT now()
);

-- When an API last said that it takes requests: each does so every five seconds. One row, because one of them is
-- enough. `ended` says that the one that wrote last ended in order; another one that lives takes it back.
CREATE TABLE api_heartbeats (
    only_one boolean     NOT NULL DEFAULT true CONSTRAINT api_heartbeats_pkey PRIMARY KEY
                         CONSTRAINT api_heartbeats_only_one_check CHECK (only_one),
    beat_at  timestamptz NOT NULL DEFAULT now(),
    ended    boolean     NOT NULL DEFAULT false
);

-- Times in which no API took requests. What was due from `began_at` until before `judged_at` is judged at `judged_at`:
-- the end of the outage's grace, or that of a later one which began before. While it lasts, `ended_at` is null and
-- `judged_at` is the latest moment that a deadline in it is judged at.
CREATE TABLE outages (
    began_at  timestamptz NOT NULL CONSTRAINT outages_pkey PRIMARY KEY,
    ended_at  timestamptz,
    judged_at timestamptz NOT NULL,
    CONSTRAINT outages_order_check CHECK (began_at < judged_at AND (ended_at IS NULL OR ended_at BETWEEN began_at AND judged_at))
);
CREATE INDEX outages_judged_idx ON outages (judged_at);

-- When a deadline is judged, as far as outages are noted: at once, but for those in an outage or its grace.
CREATE FUNCTION judged_at(deadline timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
    'SELECT coalesce(max(o.judged_at), deadline) FROM outages o WHERE o.judged_at > deadline AND o.began_at <= deadline';

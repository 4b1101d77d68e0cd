-- How many snapshots of a project were deleted because they were due, by day in UTC; written with each deletion.
CREATE TABLE snapshot_purges (
    project_id uuid        NOT NULL CONSTRAINT snapshot_purges_project_fkey REFERENCES projects,
    day        date        NOT NULL,
    snapshots  bigint      NOT NULL CONSTRAINT snapshot_purges_snapshots_check CHECK (snapshots > 0),
    last_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT snapshot_purges_pkey PRIMARY KEY (project_id, day)
);

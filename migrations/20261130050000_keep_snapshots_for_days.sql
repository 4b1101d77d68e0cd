-- For how many days after its receipt a snapshot is kept, and whether callbacks carry it.
ALTER TABLE projects
    ADD COLUMN snapshot_days integer NOT NULL DEFAULT 30
        CONSTRAINT projects_snapshot_days_check CHECK (snapshot_days BETWEEN 1 AND 90),
    ADD COLUMN snapshot_in_callback boolean NOT NULL DEFAULT false;

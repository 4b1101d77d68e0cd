-- The probe of the watch, whose end calls the dead-man URL. One row, because one probe a minute is enough, whatever
-- number of processes run: who moves `started_at` starts it. `checked_at` is when a worker last wrote here before it judged,
-- `called_at` when the service behind the URL last took a call. `outcome` and `reason` are those of the probe that
-- ended last; a reason is a sentence of ours, without an address and without a count.
CREATE TABLE watch_probes (
    only_one   boolean NOT NULL DEFAULT true CONSTRAINT watch_probes_pkey PRIMARY KEY
               CONSTRAINT watch_probes_only_one_check CHECK (only_one),
    started_at timestamptz,
    checked_at timestamptz,
    ended_at   timestamptz,
    called_at  timestamptz,
    outcome    text    CONSTRAINT watch_probes_outcome_check CHECK (outcome IN ('called', 'silent', 'failed')),
    reason     text,
    CONSTRAINT watch_probes_reason_check CHECK ((reason IS NULL) = (outcome IS NULL OR outcome = 'called'))
);
INSERT INTO watch_probes DEFAULT VALUES;

-- Workers that poll: each moves its `seen_at` on every ten seconds, once it has reached Temporal, and
-- removes its row when it ends in order. Temporal itself lists a dead worker for minutes.
CREATE TABLE worker_heartbeats (
    id         uuid        NOT NULL CONSTRAINT worker_heartbeats_pkey PRIMARY KEY,
    namespace  text        NOT NULL,
    task_queue text        NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

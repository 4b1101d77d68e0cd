-- Erasures of customers. `customer` is the keyed hash of the reference, `tombstone` its text, which stands in the reference's
-- place from then on. `reference` is there until nothing of it is left anywhere, so that whoever finds the row goes on
-- with it: after `last_event` with events, after (`last_route`, `last_key`) with stored responses. `erased` is how many rows
-- of each table were erased.
CREATE TABLE erasures (
    id           uuid        CONSTRAINT erasures_pkey PRIMARY KEY,
    project_id   uuid        NOT NULL CONSTRAINT erasures_project_fkey REFERENCES projects,
    customer     uuid        NOT NULL,
    tombstone    text        NOT NULL CONSTRAINT erasures_tombstone_check CHECK (tombstone ~ '^erased:[0-7][0-9A-HJKMNP-TV-Z]{25}$'),
    reference    text        COLLATE "C",
    state        text        NOT NULL DEFAULT 'events'
                 CONSTRAINT erasures_state_check CHECK (state IN ('events', 'responses', 'rest', 'texts', 'done')),
    requested_by text        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    stepped_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    last_event   uuid,
    last_route   text,
    last_key     text,
    erased       jsonb       NOT NULL DEFAULT '{}',
    CONSTRAINT erasures_done_check CHECK ((state = 'done') = (reference IS NULL) AND (state = 'done') = (finished_at IS NOT NULL))
);
CREATE INDEX erasures_project_idx ON erasures (project_id, id);
CREATE INDEX erasures_customer_idx ON erasures (project_id, customer);
CREATE UNIQUE INDEX erasures_running_key ON erasures (project_id, customer) WHERE state <> 'done';

-- Processes keep in memory who was erased.
CREATE CONSTRAINT TRIGGER erasures_count_change AFTER INSERT ON erasures
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_key_change();

-- Watches of erased events, of which Temporal still holds the reference: dispatched like outbox messages.
CREATE TABLE erased_watches (
    event_id        uuid        CONSTRAINT erased_watches_pkey PRIMARY KEY,
    erasure_id      uuid        NOT NULL CONSTRAINT erased_watches_erasure_fkey REFERENCES erasures,
    erased_at       timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    attempts        integer     NOT NULL DEFAULT 0
);
CREATE INDEX erased_watches_due_idx ON erased_watches (next_attempt_at);
CREATE INDEX erased_watches_erasure_idx ON erased_watches (erasure_id);

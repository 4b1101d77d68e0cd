-- How far a change that goes over old rows in batches has come. See crates/store/src/backfill.rs.
CREATE TABLE backfills (
    name        text        CONSTRAINT backfills_pkey PRIMARY KEY,
    done_until  uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    finished_at timestamptz
);
INSERT INTO backfills (name) VALUES ('event_keys');

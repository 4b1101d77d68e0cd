-- Filters of a list that operators keep under a name: for themselves, or for everyone who signs in. `filter` is what the
-- address of the list says, by name.
CREATE TABLE saved_filters (
    id       uuid        CONSTRAINT saved_filters_pkey PRIMARY KEY,
    owner    uuid        NOT NULL CONSTRAINT saved_filters_owner_fkey REFERENCES operators,
    list     text        NOT NULL CONSTRAINT saved_filters_list_check CHECK (list IN ('incidents', 'events')),
    name     text        NOT NULL,
    filter   jsonb       NOT NULL,
    shared   boolean     NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX saved_filters_own_key ON saved_filters (owner, list, name) WHERE NOT shared;
CREATE UNIQUE INDEX saved_filters_shared_key ON saved_filters (list, name) WHERE shared;

-- Names that a project adds to the built-in catalogue for itself. A provider is known with its first
-- event type; effects have none.
CREATE TABLE declared_names (
    project_id  uuid        NOT NULL CONSTRAINT declared_names_project_fkey REFERENCES projects,
    kind        text        NOT NULL CONSTRAINT declared_names_kind_check CHECK (kind IN ('event_type', 'effect_type')),
    provider    text        NOT NULL DEFAULT '',
    name        text        NOT NULL CONSTRAINT declared_names_name_check CHECK (name ~ '^[a-z0-9][a-z0-9_./:-]{0,99}$'),
    declared_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT declared_names_pkey PRIMARY KEY (project_id, kind, provider, name),
    CONSTRAINT declared_names_provider_check CHECK ((kind = 'event_type') = (provider <> ''))
);

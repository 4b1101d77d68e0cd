-- Headers that a project adds to its callbacks, to let them pass a gateway. `name` is in lower case,
-- because names of headers do not tell capitals apart; `spelling` is how people wrote it. `sealed` is an
-- AEAD envelope whose associated data names this row.
CREATE TABLE callback_headers (
    project_id uuid        NOT NULL CONSTRAINT callback_headers_project_fkey REFERENCES projects,
    name       text        NOT NULL CONSTRAINT callback_headers_name_check CHECK (name = lower(name) AND char_length(name) BETWEEN 1 AND 100),
    spelling   text        NOT NULL CONSTRAINT callback_headers_spelling_check CHECK (lower(spelling) = name),
    sealed     bytea       NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT callback_headers_pkey PRIMARY KEY (project_id, name)
);

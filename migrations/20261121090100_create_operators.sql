-- People who may sign in. `email` is kept in lower case.
CREATE TABLE operators (
    id            uuid        CONSTRAINT operators_pkey PRIMARY KEY,
    email         text        NOT NULL CONSTRAINT operators_email_key UNIQUE
                              CONSTRAINT operators_email_check CHECK (email = lower(email)),
    role          text        NOT NULL CONSTRAINT operators_role_check CHECK (role IN ('admin', 'operator', 'viewer')),
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

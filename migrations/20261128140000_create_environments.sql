-- Which installation this database is. The row is made once and goes with every backup; the Temporal
-- namespace remembers the id too, so that no process of another database works on the same task queue.
CREATE TABLE environments (
    id         uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT environments_pkey PRIMARY KEY,
    only_one   boolean     NOT NULL DEFAULT true
               CONSTRAINT environments_only_one_key UNIQUE
               CONSTRAINT environments_only_one_check CHECK (only_one),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO environments DEFAULT VALUES;

-- A notice tells of results that found no receipt, or of another destination, `about_id`, that broke; once
-- a day at most of each.
ALTER TABLE notices
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN kind text NOT NULL DEFAULT 'results_unclaimed'
        CONSTRAINT notices_kind_check CHECK (kind IN ('results_unclaimed', 'destination_broken')),
    ADD COLUMN about_id uuid;
ALTER TABLE notices DROP CONSTRAINT notices_pkey;
ALTER TABLE notices ADD CONSTRAINT notices_pkey PRIMARY KEY (id);
ALTER TABLE notices ADD CONSTRAINT notices_occasion_key
    UNIQUE NULLS NOT DISTINCT (destination_id, kind, day, about_id);

-- A webhook's URL is a secret like Slack's. It is sealed under a name of its own, so that a worker of the
-- release before, which takes every sealed URL for Slack's, cannot open it and leaves its messages alone.
ALTER TABLE destinations DROP CONSTRAINT destinations_kind_check;
ALTER TABLE destinations ADD CONSTRAINT destinations_kind_check
    CHECK (kind IN ('email', 'slack', 'webhook')) NOT VALID;
ALTER TABLE destinations DROP CONSTRAINT destinations_sealed_check;
ALTER TABLE destinations ADD CONSTRAINT destinations_sealed_check
    CHECK ((kind <> 'email') = (sealed IS NOT NULL)) NOT VALID;

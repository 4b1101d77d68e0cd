-- Messages may go to services with an API of their own. What is sealed of one is its URL, or JSON of its key and
-- where that is used. A release before does not know the kind and leaves its messages alone.
ALTER TABLE destinations DROP CONSTRAINT destinations_kind_check;
ALTER TABLE destinations ADD CONSTRAINT destinations_kind_check
    CHECK (kind IN ('email', 'slack', 'teams', 'discord', 'pagerduty', 'ntfy', 'webhook', 'activity')) NOT VALID;
ALTER TABLE destinations DROP CONSTRAINT destinations_sealed_check;
ALTER TABLE destinations ADD CONSTRAINT destinations_sealed_check
    CHECK ((kind IN ('email', 'activity')) = (sealed IS NULL)) NOT VALID;

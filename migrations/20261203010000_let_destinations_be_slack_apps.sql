-- Messages may go to a channel of a Slack app. What is sealed of one is JSON of its token, its channel, its signing secret
-- and where its methods are. A release before does not know the kind and leaves its messages alone.
ALTER TABLE destinations DROP CONSTRAINT destinations_kind_check;
ALTER TABLE destinations ADD CONSTRAINT destinations_kind_check
    CHECK (kind IN ('email', 'slack', 'slack_app', 'teams', 'discord', 'pagerduty', 'ntfy', 'webhook', 'activity')) NOT VALID;

-- Buttons of Slack messages that were pressed and acted, so that one that comes again acts once. Kept for a day: what is
-- older than five minutes is not taken for Slack's.
CREATE TABLE slack_presses (
    destination_id uuid        NOT NULL CONSTRAINT slack_presses_destination_fkey REFERENCES destinations,
    user_id        text        NOT NULL,
    pressed_at     text        NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT slack_presses_pkey PRIMARY KEY (destination_id, user_id, pressed_at)
);
CREATE INDEX slack_presses_over_idx ON slack_presses (created_at);

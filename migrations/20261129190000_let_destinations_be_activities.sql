-- Messages may go to a team's own activity: `address` is its name, `queue` the task queue of its worker. It has
-- no URL, and so nothing that is sealed. A release before finds no target in such a row and leaves its messages
-- alone.
ALTER TABLE destinations ADD COLUMN queue text;
ALTER TABLE destinations ADD CONSTRAINT destinations_queue_check
    CHECK ((kind = 'activity') = (queue IS NOT NULL) AND queue LIKE 'sendpromptly-ext.%') NOT VALID;
ALTER TABLE destinations DROP CONSTRAINT destinations_kind_check;
ALTER TABLE destinations ADD CONSTRAINT destinations_kind_check
    CHECK (kind IN ('email', 'slack', 'webhook', 'activity')) NOT VALID;
ALTER TABLE destinations DROP CONSTRAINT destinations_sealed_check;
ALTER TABLE destinations ADD CONSTRAINT destinations_sealed_check
    CHECK ((kind IN ('slack', 'webhook')) = (sealed IS NOT NULL)) NOT VALID;
CREATE UNIQUE INDEX destinations_activity_key ON destinations (project_id, address, queue)
    WHERE kind = 'activity' AND removed_at IS NULL;

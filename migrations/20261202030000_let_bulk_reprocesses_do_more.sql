-- Many incidents can also be acknowledged or resolved. Those have no pace: a program of the release before, which
-- starts nothing without one, leaves them alone. `excluded_resolved` and `excluded_acknowledged` are how many of the
-- incidents that were asked for had nothing to be done; `left_over` is how many more there were than one takes.
ALTER TABLE bulk_reprocesses
    ADD COLUMN action                text   NOT NULL DEFAULT 'reprocess',
    ADD COLUMN excluded_resolved     bigint NOT NULL DEFAULT 0,
    ADD COLUMN excluded_acknowledged bigint NOT NULL DEFAULT 0,
    ADD COLUMN left_over             bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT bulk_reprocesses_action_check CHECK (action IN ('reprocess', 'acknowledge', 'resolve')) NOT VALID,
    DROP CONSTRAINT bulk_reprocesses_settings_check,
    ADD CONSTRAINT bulk_reprocesses_pace_known_check CHECK (
        started_at IS NULL
        OR (note IS NOT NULL AND (canary IS NOT NULL) = (action = 'reprocess')
            AND (per_minute IS NOT NULL) = (action = 'reprocess') AND (stop_percent IS NOT NULL) = (action = 'reprocess'))) NOT VALID;

-- What was acknowledged or resolved succeeded without a reprocess.
ALTER TABLE bulk_reprocess_items
    DROP CONSTRAINT bulk_reprocess_items_replay_check,
    ADD CONSTRAINT bulk_reprocess_items_done_check CHECK (
        CASE WHEN state IN ('started', 'failed') THEN replay_id IS NOT NULL
             WHEN state IN ('waiting', 'skipped') THEN replay_id IS NULL
             ELSE true END) NOT VALID;

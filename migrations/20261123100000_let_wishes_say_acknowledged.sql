-- Watches are told of an acknowledgement, so that searches and queries in Temporal know of it at once.
ALTER TABLE outbox
    DROP CONSTRAINT outbox_wish_check,
    ADD CONSTRAINT outbox_wish_check
        CHECK (wish IN ('start', 'restart', 'result', 'reprocess', 'resolve', 'acknowledged'));

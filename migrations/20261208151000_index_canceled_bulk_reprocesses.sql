-- Those that were canceled lately, of which what had started is followed to its end.
CREATE INDEX bulk_reprocesses_canceled_idx ON bulk_reprocesses (ended_at) WHERE state = 'canceled';

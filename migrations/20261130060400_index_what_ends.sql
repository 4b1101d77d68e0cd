-- What retention looks for in tables that grow.
CREATE INDEX proof_links_ended_idx ON proof_links (least(expires_at, revoked_at));
CREATE INDEX alerts_answered_idx ON alerts (finished_at) WHERE state = 'delivered' AND last_answer IS NOT NULL;

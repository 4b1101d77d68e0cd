-- The alert that tells a destination whose state follows ours that no incident of the episode waits for an operator
-- any more; none once another one opens.
ALTER TABLE cause_threads ADD COLUMN acknowledged_by uuid;

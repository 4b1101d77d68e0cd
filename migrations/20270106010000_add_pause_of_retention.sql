-- What who paused retention wrote, while it is paused. The schedule lies in Temporal; where it is lost, or another cluster is used,
-- the next one is made paused.
ALTER TABLE environments ADD COLUMN retention_paused text;

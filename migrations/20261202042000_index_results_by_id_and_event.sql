-- no-transaction
-- A primary key of partitions has what they are divided by in it. This one is built while results come.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS results_divided_key ON results (id, event_id);

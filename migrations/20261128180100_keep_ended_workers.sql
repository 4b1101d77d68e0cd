-- A worker that ends in order keeps its row and says so: it polls no more at once, and when the last one was
-- seen stays known.
ALTER TABLE worker_heartbeats ADD COLUMN ended_at timestamptz;

-- Which release a worker is of; one of before this says nothing.
ALTER TABLE worker_heartbeats ADD COLUMN release text;

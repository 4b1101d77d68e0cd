-- The migration has made the row; a probe ended in a call.
UPDATE watch_probes SET started_at = now(), checked_at = now(), ended_at = now(), called_at = now(), outcome = 'called';

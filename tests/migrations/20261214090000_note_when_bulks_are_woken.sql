-- Each was woken once.
UPDATE bulk_reprocesses SET woken_at = now();

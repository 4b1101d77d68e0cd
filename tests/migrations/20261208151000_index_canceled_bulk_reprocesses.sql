-- One that was canceled.
UPDATE bulk_reprocesses SET state = 'canceled', ended_at = now() WHERE state = 'running';

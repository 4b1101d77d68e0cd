-- An alert whose response may go.
UPDATE alerts SET finished_at = now() - interval '31 days' WHERE state = 'delivered';

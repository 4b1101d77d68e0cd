-- One event came with a trace.
UPDATE payment_events SET trace_parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
WHERE id = (SELECT id FROM payment_events ORDER BY id LIMIT 1);

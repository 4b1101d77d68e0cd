-- The function runs on rows of every table.
SELECT erase_events('0192d1a0-0000-7000-8000-0000000000e1', ARRAY(SELECT id FROM payment_events),
    ARRAY(SELECT key FROM event_keys ORDER BY key), ARRAY(SELECT sha256(key) FROM event_keys ORDER BY key));

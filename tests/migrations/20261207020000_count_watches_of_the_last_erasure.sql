-- The function runs on rows of every table.
SELECT erase_events('0192d1a0-0000-7000-8000-0000000000e1', ARRAY(SELECT id FROM payment_events), '{}', '{}');

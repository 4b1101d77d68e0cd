-- One that an operator keeps, and one that everybody sees.
INSERT INTO saved_filters (id, owner, list, name, filter, shared)
SELECT '00000000-0000-7000-8000-0000000003e1', id, 'incidents', 'Write errors', '{"q": "db_write_failed"}', false
FROM operators ORDER BY id LIMIT 1;
INSERT INTO saved_filters (id, owner, list, name, filter, shared)
SELECT '00000000-0000-7000-8000-0000000003e2', id, 'events', 'Late invoices', '{"state": "missing", "event_type": "invoice.paid"}', true
FROM operators ORDER BY id LIMIT 1;

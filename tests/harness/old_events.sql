-- Events of the last year, each with a result and an entry, and twenty entries under ids that do not grow with time.
INSERT INTO projects (id, name, mode, timeout_minutes) VALUES (gen_random_uuid(), 'cometcart', 'live', 30);
INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type, internal_reference,
    occurred_at, received_at, timeout_minutes, timeout_at, effect, settled_at, keyed)
SELECT pg_temp.id_of(at, n), p.id, p.id, 'stripe', 'evt_' || n, 'invoice.paid', 'credit_grant', 'user_' || n, at, at, 30, at,
    'succeeded', at, true
FROM projects p, generate_series(1, $EVENTS) AS n, LATERAL (SELECT now() - n * interval '1 year' / $EVENTS AS at) AS t;
INSERT INTO results (id, event_id, project_id, outcome) SELECT id, id, project_id, 'success' FROM payment_events;
INSERT INTO audit_entries (id, at, actor, action, project_id, event_id)
SELECT id, received_at, 'key:1', 'receipt.accepted', project_id, id FROM payment_events;
INSERT INTO audit_entries (id, actor, action) SELECT gen_random_uuid(), 'system', 'engine.restarted' FROM generate_series(1, 20);
ANALYZE;

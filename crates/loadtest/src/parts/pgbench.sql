WITH sent AS MATERIALIZED (
    SELECT loadtest_id() AS id, '00000000-0000-7000-8000-000000000000'::uuid AS project_id, 'evt_' || gen_random_uuid() AS provider_event_id
), key AS (
    INSERT INTO event_keys (project_id, key, event_id) SELECT project_id, sha256(provider_event_id::bytea), id FROM sent
), identity AS (
    INSERT INTO event_identities (event_id, project_id, provider, provider_event_id, effect_type)
    SELECT id, project_id, 'stripe', provider_event_id, 'credit_grant' FROM sent
), event AS (
    INSERT INTO payment_events (id, project_id, provider, provider_event_id, effect_type, event_type, internal_reference,
        occurred_at, api_key_id, timeout_minutes, timeout_at, keyed)
    SELECT id, project_id, 'stripe', provider_event_id, 'credit_grant', 'invoice.paid', 'user_456',
        now(), project_id, 10080, now() + interval '7 days', true FROM sent
), entry AS (
    INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail)
    SELECT loadtest_id(), 'pgbench', 'receipt.accepted', project_id, id, '{"event_type":"invoice.paid"}' FROM sent
), message AS (
    INSERT INTO outbox (id, event_id, wish, payload) SELECT loadtest_id(), id, 'start', '{}' FROM sent
)
INSERT INTO idempotency_keys (project_id, route, key, request_hash, fingerprint, scope, status, body)
SELECT project_id, 'receipt', provider_event_id, sha256(provider_event_id::bytea), sha256(provider_event_id::bytea), '', 202,
    convert_to('{"accepted": true}', 'UTF8') FROM sent;

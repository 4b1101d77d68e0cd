-- What `receipt.sql` adds for one receipt, for several whose locks are held, and the responses to them and
-- to those that came again. It counts what could be added: none of it may stay if that is not all.
WITH receipt AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::timestamptz[], $10::text[], $11::uuid[], $12::bytea[], $13::integer[], $14::timestamptz[], $15::text[],
        $16::uuid[], $17::text[], $18::jsonb[], $19::uuid[], $29::text[], $30::bigint[], $31::text[])
    AS receipt (event_id, project_id, key, provider, provider_event_id, effect_type, event_type, internal_reference,
        occurred_at, shopify_shop_domain, api_key_id, snapshot, timeout_minutes, timeout_at, effect_key,
        entry_id, actor, detail, message_id, trace_parent, amount_value, amount_currency)
), key AS (
    INSERT INTO event_keys (project_id, key, event_id) SELECT project_id, key, event_id FROM receipt
    ON CONFLICT ON CONSTRAINT event_keys_pkey DO NOTHING
    RETURNING event_id
), identity AS (
    INSERT INTO event_identities (event_id, project_id, provider, provider_event_id, effect_type)
    SELECT event_id, project_id, provider, provider_event_id, effect_type FROM receipt
    ON CONFLICT ON CONSTRAINT event_identities_pkey DO NOTHING
), event AS (
    INSERT INTO payment_events (id, project_id, provider, provider_event_id, effect_type, event_type,
        internal_reference, occurred_at, shopify_shop_domain, api_key_id, snapshot, timeout_minutes, timeout_at,
        effect_key, trace_parent, keyed, amount_value, amount_currency)
    SELECT event_id, project_id, provider, provider_event_id, effect_type, event_type, internal_reference, occurred_at,
        shopify_shop_domain, api_key_id, snapshot, timeout_minutes, timeout_at, effect_key, trace_parent, true, amount_value,
        amount_currency FROM receipt
), entry AS (
    INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail)
    SELECT entry_id, actor, $20, project_id, event_id, detail FROM receipt
), message AS (
    INSERT INTO outbox (id, event_id, wish, payload, due_by)
    SELECT message_id, event_id, $21, '{}', timeout_at - (
        SELECT make_interval(secs => least(coalesce(max(x.budget_seconds), 0), receipt.timeout_minutes * 30)) FROM extensions x
        WHERE x.project_id = receipt.project_id AND x.point = 'before_incident' AND x.removed_at IS NULL)
    FROM receipt
), response AS (
    INSERT INTO idempotency_keys AS kept (project_id, route, key, request_hash, fingerprint, scope, status, body)
    SELECT project_id, route, key, request_hash, fingerprint, '', status, body
    FROM unnest($22::uuid[], $23::text[], $24::text[], $25::bytea[], $26::bytea[], $27::smallint[], $28::bytea[])
        AS response (project_id, route, key, request_hash, fingerprint, status, body)
    ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
    SET request_hash = excluded.request_hash, fingerprint = excluded.fingerprint, scope = excluded.scope,
        status = excluded.status, body = excluded.body, created_at = now()
    WHERE kept.created_at <= now() - interval '7 days'
    RETURNING key
)
SELECT (SELECT count(*) FROM key) AS "events!", (SELECT count(*) FROM response) AS "responses!"

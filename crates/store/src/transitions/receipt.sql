-- A receipt, in one statement: whoever gets the identity adds the event, its first entry on the
-- timeline and the wish to watch it. Where the identity is taken there is no row, and nothing happens.
WITH identity AS (
    INSERT INTO event_identities (event_id, project_id, provider, provider_event_id, effect_type)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT ON CONSTRAINT event_identities_pkey DO NOTHING
    RETURNING event_id
), event AS (
    INSERT INTO payment_events (id, project_id, provider, provider_event_id, effect_type, event_type,
        internal_reference, occurred_at, shopify_shop_domain, api_key_id, snapshot, timeout_minutes, timeout_at)
    SELECT event_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + make_interval(mins => $12) FROM identity
    RETURNING timeout_at
), entry AS (
    INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail)
    SELECT $13, $14, $15, $2, event_id, $16 FROM identity
), wish AS (
    INSERT INTO outbox (id, event_id, wish, payload) SELECT $17, event_id, $18, '{}' FROM identity
)
SELECT timeout_at, EXISTS (
    SELECT FROM early_results WHERE project_id = $2 AND provider_event_id = $4
) AS "has_early!" FROM event

-- A receipt, in one statement: whoever gets the key adds the event, its first entry on the timeline and
-- the outbox message that starts its watch, which is due when the first extension is asked
-- (`domain::extension::lead`). Where the key is taken there is no row, and nothing happens.
-- `unkeyed` is the same event as an earlier release added it, until `backfill` has keyed it.
WITH unkeyed AS (
    SELECT e.id FROM event_identities i JOIN payment_events e ON e.id = i.event_id
    WHERE i.project_id = $2 AND i.provider = $3 AND i.provider_event_id = $4 AND i.effect_type = $5
      AND event_key(e.provider, lower(e.shopify_shop_domain), e.provider_event_id, e.event_type, e.effect_type,
          e.internal_reference, e.effect_key) = $20
), key AS (
    INSERT INTO event_keys (project_id, key, event_id) SELECT $2, $20, $1 WHERE NOT EXISTS (SELECT FROM unkeyed)
    ON CONFLICT ON CONSTRAINT event_keys_pkey DO NOTHING
    RETURNING event_id
), identity AS (
    INSERT INTO event_identities (event_id, project_id, provider, provider_event_id, effect_type)
    SELECT event_id, $2, $3, $4, $5 FROM key ON CONFLICT ON CONSTRAINT event_identities_pkey DO NOTHING
), event AS (
    INSERT INTO payment_events (id, project_id, provider, provider_event_id, effect_type, event_type,
        internal_reference, occurred_at, shopify_shop_domain, api_key_id, snapshot, timeout_minutes, timeout_at,
        effect_key, trace_parent, keyed, amount_value, amount_currency)
    SELECT event_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + make_interval(mins => $12), $19, $21, true, $22, $23
    FROM key
    RETURNING timeout_at
), entry AS (
    INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail)
    SELECT $13, $14, $15, $2, event_id, $16 FROM key
), wish AS (
    INSERT INTO outbox (id, event_id, wish, payload, due_by)
    SELECT $17, event_id, $18, '{}', now() + make_interval(mins => $12) - (
        SELECT make_interval(secs => least(coalesce(max(budget_seconds), 0), $12 * 30)) FROM extensions
        WHERE project_id = $2 AND point = 'before_incident' AND removed_at IS NULL)
    FROM key
)
SELECT timeout_at, EXISTS (
    SELECT FROM early_results WHERE project_id = $2 AND provider_event_id = $4
) AS "has_early!", EXISTS (
    SELECT FROM claimed_early_results WHERE project_id = $2 AND provider_event_id = $4
) AS "has_claimed!" FROM event

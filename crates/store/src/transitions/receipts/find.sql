-- What is known of receipts whose provider events are locked: the event that each one is about, if it is
-- there or went, and its deadline or that of a new one. Like in `receipt.sql`, an event that an earlier release added
-- is found by its identity until `backfill` has keyed it. `is_awaited` says that an early result names the
-- provider event; which event it means is decided for each by itself. No EXISTS says so: planned for any values, that
-- one may read all of a table that is large by now.
SELECT wanted.ordinal AS "ordinal!", existing.id AS "existing?",
    coalesce(existing.timeout_at, now() + make_interval(mins => wanted.timeout_minutes)) AS "timeout_at!",
    coalesce(
        (SELECT true FROM early_results
            WHERE project_id = wanted.project_id AND provider_event_id = wanted.provider_event_id LIMIT 1),
        (SELECT true FROM claimed_early_results
            WHERE project_id = wanted.project_id AND provider_event_id = wanted.provider_event_id LIMIT 1),
        false) AS "is_awaited!"
FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::integer[])
    WITH ORDINALITY AS wanted (project_id, key, provider, provider_event_id, effect_type, timeout_minutes, ordinal)
LEFT JOIN LATERAL (
    SELECT k.event_id AS id, coalesce(e.timeout_at, x.timeout_at) AS timeout_at FROM event_keys k
    LEFT JOIN payment_events e ON e.id = k.event_id LEFT JOIN expired_events x ON x.event_id = k.event_id
    WHERE k.project_id = wanted.project_id AND k.key = wanted.key AND (e.id IS NOT NULL OR x.event_id IS NOT NULL)
    UNION ALL
    SELECT e.id, e.timeout_at FROM event_identities i JOIN payment_events e ON e.id = i.event_id
    WHERE i.project_id = wanted.project_id AND i.provider = wanted.provider
        AND i.provider_event_id = wanted.provider_event_id AND i.effect_type = wanted.effect_type
        AND event_key(e.provider, lower(e.shopify_shop_domain), e.provider_event_id, e.event_type, e.effect_type,
            e.internal_reference, e.effect_key) = wanted.key
    LIMIT 1
) AS existing ON true
ORDER BY wanted.ordinal

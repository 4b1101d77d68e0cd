-- Locks the event that each result means, if everything that it says fits one event only and nobody else
-- holds that. What names an event by our id and what names it by the provider's are found apart, so that
-- each has its index.
WITH meant AS MATERIALIZED (
    SELECT wanted.ordinal, fitting.ids[1] AS id
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
        WITH ORDINALITY AS wanted (project_id, event_id, provider_event_id, provider, effect_type, shop, event_type,
            internal_reference, effect_key, ordinal)
    CROSS JOIN LATERAL (
        SELECT array_agg(e.id) AS ids FROM (
            SELECT * FROM payment_events WHERE id = wanted.event_id
            UNION ALL
            SELECT * FROM payment_events WHERE wanted.event_id IS NULL
                AND project_id = wanted.project_id AND provider_event_id = wanted.provider_event_id
        ) AS e
        WHERE e.project_id = wanted.project_id
            AND (wanted.provider_event_id IS NULL OR e.provider_event_id = wanted.provider_event_id)
            AND (wanted.provider IS NULL OR e.provider = wanted.provider)
            AND (wanted.effect_type IS NULL OR e.effect_type = wanted.effect_type)
            AND (wanted.shop IS NULL OR e.provider <> 'shopify' OR lower(e.shopify_shop_domain) = wanted.shop)
            AND (wanted.event_type IS NULL OR e.event_type = wanted.event_type)
            AND (wanted.internal_reference IS NULL OR e.internal_reference = wanted.internal_reference)
            AND (wanted.effect_key IS NULL OR e.effect_key = wanted.effect_key)
    ) AS fitting
    WHERE cardinality(fitting.ids) = 1
)
SELECT meant.ordinal AS "ordinal!", event.id, event.effect
FROM meant JOIN payment_events event ON event.id = meant.id
FOR UPDATE OF event SKIP LOCKED

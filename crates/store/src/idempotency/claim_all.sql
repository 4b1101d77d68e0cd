-- Takes the locks of idempotency keys, and of the provider events that the requests are about, without
-- waiting for any, and finds the responses that the keys have. OFFSET 0 keeps the search of each key apart:
-- joined as a whole, a plan that was made while the table was small would read all of it.
SELECT wanted.ordinal AS "ordinal!",
    pg_try_advisory_xact_lock(hashtextextended(wanted.lock, 1)) AS "locked!",
    wanted.event_lock IS NOT NULL AND NOT pg_try_advisory_xact_lock(hashtextextended(wanted.event_lock, 2)) AS "event_is_held!",
    kept.route AS "route?", kept.scope, kept.fingerprint, kept.request_hash AS "request_hash?", kept.status AS "status?",
    kept.body AS "body?"
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[])
    WITH ORDINALITY AS wanted (lock, event_lock, project_id, route, scoped_route, key, ordinal)
LEFT JOIN LATERAL (
    SELECT route, scope, fingerprint, request_hash, status, body FROM idempotency_keys
    WHERE project_id = wanted.project_id AND route = ANY (ARRAY[wanted.route, wanted.scoped_route]) AND key = wanted.key
        AND created_at > now() - interval '7 days'
    OFFSET 0
) AS kept ON true
ORDER BY wanted.ordinal

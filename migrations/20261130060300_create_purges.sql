-- What the role of api and worker may not delete is deleted by functions of the owner. Each decides by itself
-- what is due, so that whoever may call it can delete nothing else. They follow indexes: a batch is small, and the
-- tables are not.

-- Of these events, those that ended so long ago that they are due: nothing about them is open, running or
-- undelivered.
CREATE FUNCTION due_events(ids uuid[]) RETURNS TABLE (event_id uuid, ended_at timestamptz)
LANGUAGE sql STABLE
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT e.id, greatest(e.settled_at, i.resolved_at)
    FROM payment_events e JOIN projects p ON p.id = e.project_id LEFT JOIN incidents i ON i.event_id = e.id
    WHERE e.id = ANY (ids)
      AND CASE WHEN i.id IS NULL THEN e.effect IN ('succeeded', 'superseded')
               ELSE e.effect <> 'pending' AND i.state = 'resolved' END
      AND greatest(e.settled_at, i.resolved_at) < now() - make_interval(months => p.retention_months)
      AND NOT EXISTS (SELECT FROM reprocesses r
          WHERE r.incident_id = i.id AND r.state IN ('requested', 'delivering', 'awaiting_result'))
      AND NOT EXISTS (SELECT FROM alerts a WHERE a.event_id = e.id AND a.state = 'pending')
      AND NOT EXISTS (SELECT FROM extension_calls c
          WHERE c.event_id = e.id AND c.answered_at IS NULL AND c.answer_by > now())
      AND NOT EXISTS (SELECT FROM policy_plans l WHERE l.event_id = e.id)
      AND NOT EXISTS (SELECT FROM outbox o WHERE o.event_id = e.id)
$$;

-- Deletes those of these events that are due, with everything that belongs to them, and keeps their identity.
-- Says how many rows of each table went, by the month in which their event ended. Whatever is decided about an event
-- is decided under the lock of its row; an event that is locked is left for the next time.
CREATE FUNCTION purge_events(ids uuid[]) RETURNS TABLE (purged text, month date, quantity bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    due    uuid[];
    months date[];
BEGIN
    SELECT array_agg(id) INTO due FROM (
        SELECT id FROM payment_events WHERE id = ANY (ids) ORDER BY id FOR UPDATE SKIP LOCKED) AS locked;
    PERFORM FROM incidents WHERE event_id = ANY (due) ORDER BY event_id FOR UPDATE;
    SELECT array_agg(d.event_id), array_agg(date_trunc('month', d.ended_at AT TIME ZONE 'UTC')::date) INTO due, months
    FROM due_events(due) AS d;
    IF due IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO expired_events (event_id, timeout_at) SELECT id, timeout_at FROM payment_events WHERE id = ANY (due);
    RETURN QUERY
    WITH gone AS MATERIALIZED (
        SELECT d.event_id, d.month, i.id AS incident_id
        FROM unnest(due, months) AS d (event_id, month) LEFT JOIN incidents i ON i.event_id = d.event_id
    ), event AS (
        DELETE FROM payment_events t USING gone WHERE t.id = gone.event_id
        RETURNING gone.month, t.id, t.project_id, t.provider, t.provider_event_id, t.effect_type
    ), identity AS (
        DELETE FROM event_identities t USING event e
        -- The key of identities has the collation of the database, the event's column has "C".
        WHERE t.project_id = e.project_id AND t.provider = e.provider
          AND t.provider_event_id = e.provider_event_id COLLATE "default" AND t.effect_type = e.effect_type AND t.event_id = e.id
        RETURNING e.month
    ), result AS (
        DELETE FROM results t USING gone WHERE t.event_id = gone.event_id RETURNING gone.month
    ), incident AS (
        DELETE FROM incidents t USING gone WHERE t.id = gone.incident_id RETURNING gone.month
    ), attempt AS (
        DELETE FROM callback_attempts t USING gone, reprocesses r
        WHERE r.incident_id = gone.incident_id AND t.replay_id = r.id RETURNING gone.month
    ), reprocess AS (
        DELETE FROM reprocesses t USING gone WHERE t.incident_id = gone.incident_id RETURNING gone.month
    ), alert AS (
        DELETE FROM alerts t USING gone WHERE t.incident_id = gone.incident_id RETURNING gone.month
    ), link AS (
        DELETE FROM proof_links t USING gone WHERE t.incident_id = gone.incident_id RETURNING gone.month
    ), call AS (
        DELETE FROM extension_calls t USING gone WHERE t.event_id = gone.event_id RETURNING gone.month
    ), entry AS (
        DELETE FROM audit_entries t USING gone WHERE t.event_id = gone.event_id RETURNING gone.month
    )
    SELECT 'payment_events', month, count(*) FROM event GROUP BY month
    UNION ALL SELECT 'event_identities', month, count(*) FROM identity GROUP BY month
    UNION ALL SELECT 'results', month, count(*) FROM result GROUP BY month
    UNION ALL SELECT 'incidents', month, count(*) FROM incident GROUP BY month
    UNION ALL SELECT 'callback_attempts', month, count(*) FROM attempt GROUP BY month
    UNION ALL SELECT 'reprocesses', month, count(*) FROM reprocess GROUP BY month
    UNION ALL SELECT 'alerts', month, count(*) FROM alert GROUP BY month
    UNION ALL SELECT 'proof_links', month, count(*) FROM link GROUP BY month
    UNION ALL SELECT 'extension_calls', month, count(*) FROM call GROUP BY month
    UNION ALL SELECT 'audit_entries', month, count(*) FROM entry GROUP BY month;
END
$$;

-- Deletes identities of events that went twelve months ago, and entries that were written about such an event while
-- it went. At most so many identities.
CREATE FUNCTION purge_identities(most bigint) RETURNS TABLE (purged text, month date, quantity bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    due    uuid[];
    months date[];
BEGIN
    SELECT array_agg(event_id), array_agg(date_trunc('month', expired_at AT TIME ZONE 'UTC')::date) INTO due, months
    FROM (SELECT event_id, expired_at FROM expired_events WHERE expired_at < now() - interval '12 months'
          ORDER BY expired_at, event_id LIMIT most FOR UPDATE SKIP LOCKED) AS d;
    RETURN QUERY
    WITH gone AS MATERIALIZED (
        SELECT * FROM unnest(due, months) AS d (event_id, month)
    ), key AS (
        DELETE FROM event_keys t USING gone WHERE t.event_id = gone.event_id RETURNING gone.month
    ), entry AS (
        DELETE FROM audit_entries t USING gone WHERE t.event_id = gone.event_id RETURNING gone.month
    )
    SELECT 'event_keys', month, count(*) FROM key GROUP BY month
    UNION ALL SELECT 'audit_entries', month, count(*) FROM entry GROUP BY month;
    RETURN QUERY
    WITH identity AS (
        DELETE FROM expired_events t USING unnest(due, months) AS gone (event_id, month)
        WHERE t.event_id = gone.event_id RETURNING gone.month
    )
    SELECT 'expired_events', month, count(*) FROM identity GROUP BY month;
END
$$;

-- Deletes entries about results that no receipt claimed, once their project keeps them no longer. At most so many.
CREATE FUNCTION purge_unclaimed_results(most bigint) RETURNS TABLE (purged text, month date, quantity bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT d.id FROM projects p CROSS JOIN LATERAL (
            SELECT a.id FROM audit_entries a
            WHERE coalesce(a.project_id, '00000000-0000-0000-0000-000000000000') = p.id AND a.actor = 'system'
              AND a.action = 'result.unclaimed' AND a.event_id IS NULL
              AND a.at < now() - make_interval(months => p.retention_months)
            ORDER BY a.at, a.id LIMIT most) AS d
        LIMIT most
    ), gone AS (
        DELETE FROM audit_entries t USING due WHERE t.id = due.id RETURNING t.at
    )
    SELECT 'audit_entries', date_trunc('month', at AT TIME ZONE 'UTC')::date, count(*) FROM gone GROUP BY 2;
END
$$;

-- Deletes proof links that ended 30 days ago. At most so many.
CREATE FUNCTION purge_proof_links(most bigint) RETURNS TABLE (purged text, month date, quantity bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH gone AS (
        DELETE FROM proof_links WHERE id = ANY (ARRAY(
            SELECT id FROM proof_links WHERE least(expires_at, revoked_at) < now() - interval '30 days'
            ORDER BY least(expires_at, revoked_at) LIMIT most FOR UPDATE SKIP LOCKED))
        RETURNING least(expires_at, revoked_at) AS ended_at
    )
    SELECT 'proof_links', date_trunc('month', ended_at AT TIME ZONE 'UTC')::date, count(*) FROM gone GROUP BY 2;
END
$$;

REVOKE ALL ON FUNCTION purge_events, purge_identities, purge_unclaimed_results, purge_proof_links FROM PUBLIC;

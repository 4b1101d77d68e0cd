-- Functions that delete what is due begin where the last batch of a run ended, and say where they ended: from the begin of
-- an index they would go again over all that the batches before deleted, as long as anyone holds an older snapshot. Called as the
-- release before calls them they begin at the begin. Whoever may call them keeps that right.
CREATE TEMP TABLE purgers ON COMMIT DROP AS
    SELECT p.proname, r.rolname FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) AS a JOIN pg_roles r ON r.oid = a.grantee
    WHERE p.pronamespace = 'public'::regnamespace AND a.grantee <> p.proowner
      AND p.proname IN ('purge_identities', 'purge_unclaimed_results', 'purge_proof_links');
DROP FUNCTION purge_identities(bigint);
DROP FUNCTION purge_unclaimed_results(bigint);
DROP FUNCTION purge_proof_links(bigint);

-- Deletes identities of events that went twelve months ago, and entries that were written about such an event while
-- it went. At most so many identities.
CREATE FUNCTION purge_identities(most bigint, since timestamptz DEFAULT '-infinity')
RETURNS TABLE (purged text, month date, quantity bigint, latest timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    due    uuid[];
    months date[];
BEGIN
    SELECT array_agg(event_id), array_agg(date_trunc('month', expired_at AT TIME ZONE 'UTC')::date) INTO due, months
    FROM (SELECT event_id, expired_at FROM expired_events
          WHERE expired_at < now() - interval '12 months' AND expired_at >= since
          ORDER BY expired_at, event_id LIMIT most FOR UPDATE SKIP LOCKED) AS d;
    RETURN QUERY
    WITH gone AS MATERIALIZED (
        SELECT * FROM unnest(due, months) AS d (event_id, month)
    ), key AS (
        DELETE FROM event_keys t USING gone WHERE t.event_id = gone.event_id RETURNING gone.month
    ), entry AS (
        DELETE FROM audit_entries t USING gone WHERE t.event_id = gone.event_id RETURNING gone.month
    )
    SELECT 'event_keys', month, count(*), NULL::timestamptz FROM key GROUP BY month
    UNION ALL SELECT 'audit_entries', month, count(*), NULL::timestamptz FROM entry GROUP BY month;
    RETURN QUERY
    WITH identity AS (
        DELETE FROM expired_events t USING unnest(due, months) AS gone (event_id, month)
        WHERE t.event_id = gone.event_id RETURNING gone.month, t.expired_at
    )
    SELECT 'expired_events', month, count(*), max(expired_at) FROM identity GROUP BY month;
END
$$;

-- Deletes entries about results that no receipt claimed, once their project keeps them no longer: of all projects, or of
-- one. At most so many.
CREATE FUNCTION purge_unclaimed_results(most bigint, since timestamptz DEFAULT '-infinity', only_of uuid DEFAULT NULL)
RETURNS TABLE (purged text, month date, quantity bigint, latest timestamptz)
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
              AND a.at < now() - make_interval(months => p.retention_months) AND a.at >= since
            ORDER BY a.at, a.id LIMIT most) AS d
        WHERE only_of IS NULL OR p.id = only_of
        LIMIT most
    ), gone AS (
        DELETE FROM audit_entries t USING due WHERE t.id = due.id RETURNING t.at
    )
    SELECT 'audit_entries', date_trunc('month', at AT TIME ZONE 'UTC')::date, count(*), max(at) FROM gone GROUP BY 2;
END
$$;

-- Deletes proof links that ended 30 days ago. At most so many.
CREATE FUNCTION purge_proof_links(most bigint, since timestamptz DEFAULT '-infinity')
RETURNS TABLE (purged text, month date, quantity bigint, latest timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH gone AS (
        DELETE FROM proof_links WHERE id = ANY (ARRAY(
            SELECT id FROM proof_links
            WHERE least(expires_at, revoked_at) < now() - interval '30 days' AND least(expires_at, revoked_at) >= since
            ORDER BY least(expires_at, revoked_at) LIMIT most FOR UPDATE SKIP LOCKED))
        RETURNING least(expires_at, revoked_at) AS ended_at
    )
    SELECT 'proof_links', date_trunc('month', ended_at AT TIME ZONE 'UTC')::date, count(*), max(ended_at) FROM gone GROUP BY 2;
END
$$;

REVOKE ALL ON FUNCTION purge_identities, purge_unclaimed_results, purge_proof_links FROM PUBLIC;
DO $$
DECLARE
    purger record;
BEGIN
    FOR purger IN SELECT DISTINCT proname, rolname FROM purgers LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I TO %I', purger.proname, purger.rolname);
    END LOOP;
END
$$;

-- A watch that Temporal still has when its customer is erased again is left of the last erasure, which says how many there are. The rest
-- is as it was.
CREATE OR REPLACE FUNCTION erase_events(erasure uuid, ids uuid[], keys bytea[], hashed bytea[])
RETURNS TABLE (erased text, quantity bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    it  erasures%ROWTYPE;
    due uuid[];
BEGIN
    SELECT * INTO it FROM erasures e WHERE e.id = erasure AND e.state = 'events' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT coalesce(array_agg(id), '{}') INTO due FROM (
        SELECT id FROM payment_events WHERE id = ANY (ids) AND project_id = it.project_id
          AND internal_reference IN (it.reference, it.tombstone) ORDER BY id FOR UPDATE) AS locked;
    RETURN QUERY
    WITH known AS (
        UPDATE event_keys t SET key = n.hashed FROM unnest(keys, hashed) AS n (key, hashed)
        WHERE t.project_id = it.project_id AND t.key = n.key AND t.event_id = ANY (due) RETURNING 1
    ), result AS (
        UPDATE results t SET error_message = '[erased]'
        WHERE t.event_id = ANY (due) AND t.error_message <> '[erased]' RETURNING 1
    ), incident AS MATERIALIZED (
        SELECT t.id FROM incidents t WHERE t.event_id = ANY (due)
    ), tried AS MATERIALIZED (
        SELECT t.id FROM reprocesses t, incident WHERE t.incident_id = incident.id
    ), opened AS (
        UPDATE incidents t SET internal_reference = it.tombstone,
            error_message = CASE WHEN t.error_message IS NOT NULL THEN '[erased]' END,
            resolution_note = CASE WHEN t.resolution_note IS NOT NULL THEN '[erased]' END
        FROM incident WHERE t.id = incident.id AND (t.internal_reference <> it.tombstone
            OR t.error_message <> '[erased]' OR t.resolution_note <> '[erased]') RETURNING 1
    ), reprocess AS (
        UPDATE reprocesses t SET note = CASE WHEN t.note IS NOT NULL THEN '[erased]' END,
            body = erased_body(t.body, it.tombstone)
        FROM tried WHERE t.id = tried.id
          AND (t.note <> '[erased]' OR t.body::jsonb ->> 'internal_reference' <> it.tombstone
              OR t.body::jsonb #>> '{reason,error_message}' <> '[erased]') RETURNING 1
    ), attempt AS (
        UPDATE callback_attempts t SET answer = CASE WHEN t.answer IS NOT NULL THEN '[erased]' END, redirect_to = NULL
        FROM tried WHERE t.replay_id = tried.id AND (t.answer <> '[erased]' OR t.redirect_to IS NOT NULL) RETURNING 1
    ), alert AS (
        UPDATE alerts t SET last_answer = '[erased]'
        FROM incident WHERE t.incident_id = incident.id AND t.last_answer <> '[erased]' RETURNING 1
    ), link AS (
        UPDATE proof_links t SET revoked_at = now()
        FROM incident WHERE t.incident_id = incident.id AND t.revoked_at IS NULL RETURNING 1
    ), call AS (
        UPDATE extension_calls t SET answer = t.answer - '{note,evidence,error_message}'::text[]
        WHERE t.event_id = ANY (due) AND t.answer ?| '{note,evidence,error_message}' RETURNING 1
    ), claimed AS (
        DELETE FROM claimed_early_results t WHERE t.event_id = ANY (due) RETURNING 1
    ), message AS (
        UPDATE outbox t SET last_error = '[erased]' WHERE t.event_id = ANY (due) AND t.last_error <> '[erased]' RETURNING 1
    ), watch AS (
        INSERT INTO erased_watches (event_id, erasure_id) SELECT unnest(due), it.id
        ON CONFLICT ON CONSTRAINT erased_watches_pkey DO UPDATE
            SET erasure_id = excluded.erasure_id, erased_at = now(), next_attempt_at = now(), attempts = 0
    ), snapshot AS (
        SELECT count(*) AS kept FROM payment_events t WHERE t.id = ANY (due) AND t.snapshot IS NOT NULL
    ), event AS (
        UPDATE payment_events t SET internal_reference = it.tombstone, snapshot = NULL
        WHERE t.id = ANY (due) AND (t.internal_reference <> it.tombstone OR t.snapshot IS NOT NULL) RETURNING 1
    )
    SELECT 'payment_events', count(*) FROM event
    UNION ALL SELECT 'snapshots', kept FROM snapshot
    UNION ALL SELECT 'event_keys', count(*) FROM known
    UNION ALL SELECT 'results', count(*) FROM result
    UNION ALL SELECT 'incidents', count(*) FROM opened
    UNION ALL SELECT 'reprocesses', count(*) FROM reprocess
    UNION ALL SELECT 'callback_attempts', count(*) FROM attempt
    UNION ALL SELECT 'alerts', count(*) FROM alert
    UNION ALL SELECT 'proof_links', count(*) FROM link
    UNION ALL SELECT 'extension_calls', count(*) FROM call
    UNION ALL SELECT 'claimed_early_results', count(*) FROM claimed
    UNION ALL SELECT 'outbox', count(*) FROM message;
END
$$;

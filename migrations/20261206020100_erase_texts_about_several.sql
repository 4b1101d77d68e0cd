-- Whether any of these words names this reference.
CREATE FUNCTION audit_text_names(words jsonb, reference text) RETURNS boolean LANGUAGE sql IMMUTABLE
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM jsonb_each_text(words) WHERE value <> erased_text(value, reference, ''))
$$;

-- As before. With no events left, which is the last step of an erasure, it also erases texts about several customers that name
-- this one: those about no event, of the project or of none, and what a bulk whose note named them wrote about others.
CREATE OR REPLACE FUNCTION erase_audit_texts(entry uuid, reference text, events uuid[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    project uuid := (SELECT e.project_id FROM audit_entries e WHERE e.id = entry AND e.action = 'customer.erased');
    -- It stands in the note of such a bulk by now.
    mark    text := (SELECT e.tombstone FROM erasures e WHERE e.id = entry);
    erased  bigint;
    several bigint;
BEGIN
    PERFORM split_audit_texts(ARRAY(SELECT e.id FROM audit_entries e WHERE e.event_id = ANY (events) AND e.project_id = project));
    UPDATE audit_texts t SET text = erased_audit_text(t.text), salt = NULL, erased_by = entry
    WHERE t.project_id = project AND t.erased_by IS NULL AND (t.event_id = ANY (events)
        OR t.text ? 'internal_reference' AND t.text ->> 'internal_reference' = reference);
    GET DIAGNOSTICS erased = ROW_COUNT;
    IF cardinality(events) > 0 THEN
        RETURN erased;
    END IF;
    UPDATE audit_texts t SET text = erased_audit_text(t.text), salt = NULL, erased_by = entry
    WHERE (t.project_id = project OR t.project_id IS NULL AND project IS NOT NULL) AND t.event_id IS NULL
      AND NOT t.text ? 'internal_reference' AND t.erased_by IS NULL AND audit_text_names(t.text, reference);
    GET DIAGNOSTICS several = ROW_COUNT;
    erased := erased + several;
    UPDATE audit_texts t SET text = erased_audit_text(t.text), salt = NULL, erased_by = entry
    FROM (SELECT DISTINCT i.event_id FROM bulk_reprocesses b JOIN bulk_reprocess_items i ON i.bulk_id = b.id
        WHERE b.project_id = project AND position(mark IN b.note) > 0) AS changed
    WHERE t.event_id = changed.event_id AND t.project_id = project AND t.erased_by IS NULL
      AND audit_text_names(t.text, reference);
    GET DIAGNOSTICS several = ROW_COUNT;
    RETURN erased + several;
END
$$;

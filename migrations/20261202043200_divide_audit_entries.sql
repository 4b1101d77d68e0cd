-- Entries are divided by id. What takes an entry takes one of any partition from now on.
SELECT partitions.divide('audit_entries', 'id', 'id');

DROP FUNCTION audit_entry_may_leave(partitions.audit_entries_first);
CREATE FUNCTION audit_entry_may_leave(entry audit_entries) RETURNS boolean LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM expired_events e WHERE e.event_id = entry.event_id)
        OR entry.event_id IS NULL AND entry.action = 'result.unclaimed' AND EXISTS (SELECT FROM projects p
            WHERE p.id = entry.project_id AND entry.at < now() - make_interval(months => p.retention_months))
$$;

DROP FUNCTION add_audit_text(partitions.audit_entries_first, jsonb);
CREATE FUNCTION add_audit_text(entry audit_entries, words jsonb) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    grains bytea := uuid_send(gen_random_uuid());
BEGIN
    INSERT INTO audit_texts (entry_id, project_id, event_id, text, salt, commitment)
    VALUES (entry.id, entry.project_id, entry.event_id, words, grains,
        sha256(grains || convert_to(words::text, 'UTF8')))
    ON CONFLICT ON CONSTRAINT audit_texts_pkey DO NOTHING;
END
$$;
REVOKE ALL ON FUNCTION add_audit_text FROM PUBLIC;

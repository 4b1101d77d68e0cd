-- An erasure says whose texts it overwrites: in entries of their own, in its transaction, before the texts go. They are linked as all
-- are, so that whoever empties another text leaves one that no entry names.

-- Overwrites these texts on behalf of the entry `customer.erased` that says who was erased; how many. One that another erasure took
-- stays as that left it. Each entry names 500 at most.
CREATE FUNCTION overwrite_audit_texts(erasure uuid, ids uuid[]) RETURNS bigint LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    due   uuid[] := ARRAY(SELECT t.entry_id FROM audit_texts t
        WHERE t.entry_id = ANY (ids) AND (t.erased_by IS NULL OR t.erased_by = erasure) ORDER BY t.entry_id FOR UPDATE);
    named uuid[];
    said  uuid;
BEGIN
    FOR place IN 1..cardinality(due) BY 500 LOOP
        named := due[place:place + 499];
        -- Of version 7: entries are divided by their ids, which grow with time.
        said := (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
            || '7' || substr(translate(gen_random_uuid()::text, '-', ''), 14))::uuid;
        INSERT INTO audit_entries (id, actor, action, project_id, detail)
        SELECT said, e.actor, 'customer.texts_erased', e.project_id, jsonb_build_object(
            'erasure_id', e.detail -> 'erasure_id', 'tombstone', e.detail -> 'tombstone', 'entries', to_jsonb(named))
        FROM audit_entries e WHERE e.id = erasure AND e.action = 'customer.erased';
        UPDATE audit_texts t SET text = erased_audit_text(t.text), salt = NULL, erased_by = said WHERE t.entry_id = ANY (named);
    END LOOP;
    RETURN cardinality(due);
END
$$;
REVOKE ALL ON FUNCTION overwrite_audit_texts FROM PUBLIC;

-- A text leaves with its entry. It is erased where an entry of its project says that it was; one about no project, where one of any does.
CREATE OR REPLACE FUNCTION refuse_audit_text_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM audit_entries e WHERE e.id = OLD.entry_id AND audit_entry_may_leave(e)) THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE'
        AND to_jsonb(NEW) - '{text,salt,erased_by}'::text[] = to_jsonb(OLD) - '{text,salt,erased_by}'::text[]
        AND NEW.text = erased_audit_text(OLD.text)
        AND EXISTS (SELECT FROM audit_entries e WHERE e.id = NEW.erased_by AND e.action = 'customer.texts_erased'
            AND e.detail -> 'entries' ? OLD.entry_id::text AND (e.project_id = OLD.project_id OR OLD.project_id IS NULL)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'texts of audit entries cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;

-- As before, but that the texts are named first.
CREATE OR REPLACE FUNCTION erase_audit_texts(entry uuid, reference text, events uuid[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    project uuid := (SELECT e.project_id FROM audit_entries e WHERE e.id = entry AND e.action = 'customer.erased');
    -- It stands in the note of such a bulk by now.
    mark    text := (SELECT e.tombstone FROM erasures e WHERE e.id = entry);
    due     uuid[];
BEGIN
    PERFORM split_audit_texts(ARRAY(SELECT e.id FROM audit_entries e WHERE e.event_id = ANY (events) AND e.project_id = project));
    due := ARRAY(SELECT t.entry_id FROM audit_texts t
        WHERE t.project_id = project AND t.erased_by IS NULL AND (t.event_id = ANY (events)
            OR t.text ? 'internal_reference' AND t.text ->> 'internal_reference' = reference));
    IF cardinality(events) = 0 THEN
        due := due || ARRAY(SELECT t.entry_id FROM audit_texts t
            WHERE (t.project_id = project OR t.project_id IS NULL AND project IS NOT NULL) AND t.event_id IS NULL
              AND NOT t.text ? 'internal_reference' AND t.erased_by IS NULL AND audit_text_names(t.text, reference));
        due := due || ARRAY(SELECT t.entry_id FROM (
                SELECT DISTINCT i.event_id FROM bulk_reprocesses b JOIN bulk_reprocess_items i ON i.bulk_id = b.id
                WHERE b.project_id = project AND position(mark IN b.note) > 0) AS changed
            JOIN audit_texts t ON t.event_id = changed.event_id
            WHERE t.project_id = project AND t.erased_by IS NULL AND audit_text_names(t.text, reference));
    END IF;
    RETURN overwrite_audit_texts(entry, due);
END
$$;

-- What erasures of before overwrote is named now, as it stands. What none of them can have left, as a word or a text of another
-- project, stays for `audit verify` to find. No erasure goes on meanwhile.
DO $$
DECLARE
    it record;
BEGIN
    LOCK TABLE erasures IN EXCLUSIVE MODE;
    FOR it IN
        SELECT e.id, array_agg(t.entry_id) AS ids FROM audit_texts t JOIN audit_entries e ON e.id = t.erased_by
        WHERE e.action = 'customer.erased' AND t.text = erased_audit_text(t.text)
          AND (t.project_id = e.project_id OR t.project_id IS NULL) GROUP BY e.id
    LOOP
        PERFORM overwrite_audit_texts(it.id, it.ids);
    END LOOP;
END
$$;

-- The name of a saved filter may be a customer's: it stands apart from the entry that says who shared or deleted one.
CREATE OR REPLACE FUNCTION audit_text_of(action text, detail jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(key, value)
    FROM jsonb_each(CASE jsonb_typeof(detail) WHEN 'object' THEN detail ELSE '{}' END)
    WHERE value <> 'null' AND NOT (action = 'extension.unanswered' AND key = 'why')
      AND NOT (action = 'incident.resolved' AND key = 'evidence')
      AND (key = ANY ('{note,why,error_message,answer,redirect_to,evidence,internal_reference,effect_key}')
          OR action IN ('filter.shared', 'filter.removed') AND key IN ('name', 'was'))
$$;

SELECT partitions.lock_alone('audit_entries');
DROP TRIGGER audit_entries_text_apart ON audit_entries;
CREATE TRIGGER audit_entries_text_apart BEFORE INSERT ON audit_entries FOR EACH ROW
    WHEN (NEW.detail ?| '{note,why,error_message,answer,redirect_to,evidence,internal_reference,effect_key}'
        OR NEW.action IN ('filter.shared', 'filter.removed'))
    EXECUTE FUNCTION keep_audit_text_apart();

-- As before; a text about no project is erased where an entry of any project says so.
CREATE OR REPLACE FUNCTION refuse_audit_text_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM audit_entries e WHERE e.id = OLD.entry_id AND audit_entry_may_leave(e)) THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.erased_by IS NULL
        AND to_jsonb(NEW) - '{text,salt,erased_by}'::text[] = to_jsonb(OLD) - '{text,salt,erased_by}'::text[]
        AND NEW.text = erased_audit_text(OLD.text)
        AND EXISTS (SELECT FROM audit_entries e WHERE e.id = NEW.erased_by AND e.action = 'customer.erased'
            AND (e.project_id = OLD.project_id OR OLD.project_id IS NULL)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'texts of audit entries cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;

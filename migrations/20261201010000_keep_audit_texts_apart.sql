-- What people and apps wrote freely, and how an app names its customers, stands apart from the entry: an entry never
-- changes, and a customer's words must be able to go. `commitment` binds the entry to its text: it stays when the text is
-- erased, and without the salt nobody can guess from it what the text was.
CREATE TABLE audit_texts (
    entry_id   uuid  NOT NULL CONSTRAINT audit_texts_pkey PRIMARY KEY,
    project_id uuid,
    event_id   uuid,
    -- Keys of `audit_entries.detail`. Of an erased one, what stands there instead.
    text       jsonb NOT NULL,
    salt       bytea,
    -- SHA-256 of the salt and the text as Postgres writes it.
    commitment bytea NOT NULL,
    -- The entry that says who erased it.
    erased_by  uuid,
    CONSTRAINT audit_texts_erased_check CHECK ((salt IS NULL) = (erased_by IS NOT NULL))
);
CREATE INDEX audit_texts_event_idx ON audit_texts (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX audit_texts_reference_idx ON audit_texts (project_id, (text ->> 'internal_reference'))
    WHERE text ? 'internal_reference';

-- Entries with their texts, as they are read.
CREATE VIEW audit_log AS
    SELECT e.id, e.at, e.actor, e.action, e.project_id, e.event_id, e.incident_id, e.detail || coalesce(t.text, '{}') AS detail
    FROM audit_entries e LEFT JOIN audit_texts t ON t.entry_id = e.id;

-- The keys of a detail that are text; none gives NULL. `domain::audit::texts` says the same, and a test compares them.
CREATE FUNCTION audit_text_of(action text, detail jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(key, value)
    FROM jsonb_each(CASE jsonb_typeof(detail) WHEN 'object' THEN detail ELSE '{}' END)
    WHERE value <> 'null' AND NOT (action = 'extension.unanswered' AND key = 'why')
      AND NOT (action = 'incident.resolved' AND key = 'evidence')
      AND key = ANY ('{note,why,error_message,answer,redirect_to,evidence,internal_reference,effect_key}')
$$;

-- What stands in place of a text that was erased.
CREATE FUNCTION erased_audit_text(words jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_object_agg(key, CASE jsonb_typeof(value) WHEN 'object' THEN '{}'::jsonb ELSE '"erased"' END)
    FROM jsonb_each(words)
$$;

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

-- Whoever writes an entry, of this release or the one before, writes it whole. An entry that is there already, as where
-- a step is repeated, gets no text.
CREATE FUNCTION keep_audit_text_apart() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    words jsonb := audit_text_of(NEW.action, NEW.detail);
BEGIN
    IF words IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM audit_entries WHERE id = NEW.id) THEN
            PERFORM add_audit_text(NEW, words);
        END IF;
        NEW.detail := NEW.detail - ARRAY(SELECT jsonb_object_keys(words));
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_entries_text_apart BEFORE INSERT ON audit_entries FOR EACH ROW
    WHEN (NEW.detail ?| '{note,why,error_message,answer,redirect_to,evidence,internal_reference,effect_key}')
    EXECUTE FUNCTION keep_audit_text_apart();

-- Whether retention takes an entry: with its event, or with its project's months where it is about a result that never
-- had one.
CREATE FUNCTION audit_entry_may_leave(entry audit_entries) RETURNS boolean LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM expired_events e WHERE e.event_id = entry.event_id)
        OR entry.event_id IS NULL AND entry.action = 'result.unclaimed' AND EXISTS (SELECT FROM projects p
            WHERE p.id = entry.project_id AND entry.at < now() - make_interval(months => p.retention_months))
$$;

-- An entry leaves by retention, and its text with it. The text of an entry from before this migration is moved, once.
-- Everything else is refused as before, to the owner of the table as well.
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    moved jsonb;
BEGIN
    IF TG_OP = 'DELETE' AND audit_entry_may_leave(OLD) THEN
        DELETE FROM audit_texts WHERE entry_id = OLD.id;
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        moved := audit_text_of(OLD.action, OLD.detail);
        IF to_jsonb(NEW) - 'detail' = to_jsonb(OLD) - 'detail'
            AND NEW.detail = OLD.detail - ARRAY(SELECT jsonb_object_keys(moved))
            AND EXISTS (SELECT FROM audit_texts t WHERE t.entry_id = OLD.id AND t.text = moved) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit entries cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;

-- A text leaves with its entry. It is erased where an entry of its project says so.
CREATE FUNCTION refuse_audit_text_change() RETURNS trigger LANGUAGE plpgsql
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
            AND e.project_id = OLD.project_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'texts of audit entries cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_texts_append_only BEFORE UPDATE OR DELETE ON audit_texts
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_text_change();
CREATE TRIGGER audit_texts_keep_all BEFORE TRUNCATE ON audit_texts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_text_change();

-- Moves the texts of those of these entries that were written before there were any apart. One that retention is taking is left.
CREATE FUNCTION split_audit_texts(ids uuid[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    entry audit_entries;
    moved bigint := 0;
BEGIN
    FOR entry IN
        SELECT * FROM audit_entries WHERE id = ANY (ids)
          AND detail ?| '{note,why,error_message,answer,redirect_to,evidence,internal_reference,effect_key}'
          AND audit_text_of(action, detail) IS NOT NULL ORDER BY id FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM add_audit_text(entry, audit_text_of(entry.action, entry.detail));
        UPDATE audit_entries SET detail = detail - ARRAY(SELECT jsonb_object_keys(audit_text_of(action, detail)))
        WHERE id = entry.id;
        moved := moved + 1;
    END LOOP;
    RETURN moved;
END
$$;

-- Erases the texts about these events, and those of the project that name this reference, on behalf of the entry
-- `customer.erased` that says who does it; how many. One that is erased stays so.
CREATE FUNCTION erase_audit_texts(entry uuid, reference text, events uuid[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    project uuid := (SELECT e.project_id FROM audit_entries e WHERE e.id = entry AND e.action = 'customer.erased');
    erased  bigint;
BEGIN
    PERFORM split_audit_texts(ARRAY(SELECT e.id FROM audit_entries e WHERE e.event_id = ANY (events) AND e.project_id = project));
    UPDATE audit_texts t SET text = erased_audit_text(t.text), salt = NULL, erased_by = entry
    WHERE t.project_id = project AND t.erased_by IS NULL AND (t.event_id = ANY (events)
        OR t.text ? 'internal_reference' AND t.text ->> 'internal_reference' = reference);
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END
$$;

REVOKE ALL ON FUNCTION add_audit_text, split_audit_texts, erase_audit_texts FROM PUBLIC;

-- An entry leaves with its event, or with its project's retention where it is about a result that never had one.
-- Everything else is refused as before, to the owner of the table as well.
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM expired_events e WHERE e.event_id = OLD.event_id) THEN
            RETURN OLD;
        END IF;
        IF OLD.event_id IS NULL AND OLD.action = 'result.unclaimed' AND EXISTS (SELECT FROM projects p
            WHERE p.id = OLD.project_id AND OLD.at < now() - make_interval(months => p.retention_months)) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit entries cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;

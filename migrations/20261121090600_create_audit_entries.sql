-- Who did what. Entries are only ever added, and the database itself sees to that: neither the
-- application nor an operator with its role can rewrite the story.
CREATE TABLE audit_entries (
    id          uuid        CONSTRAINT audit_entries_pkey PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor       text        NOT NULL,
    action      text        NOT NULL,
    project_id  uuid,
    event_id    uuid,
    incident_id uuid,
    detail      jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_entries_event_idx ON audit_entries (event_id, id) WHERE event_id IS NOT NULL;
CREATE INDEX audit_entries_project_idx ON audit_entries (project_id, id);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_entries_keep_all BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

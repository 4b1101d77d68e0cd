-- What processes keep in memory about API keys, as one number: it grows with every change to keys, to
-- their projects' settings and to declared names. A row, not a sequence: it is seen together with the
-- change that it counts. Triggers count, so that the release before counts along; at the end of the
-- transaction, so that no change waits for another one that is still under way.
CREATE TABLE key_versions (
    version  bigint  NOT NULL DEFAULT 1,
    only_one boolean NOT NULL DEFAULT true
             CONSTRAINT key_versions_only_one_key UNIQUE
             CONSTRAINT key_versions_only_one_check CHECK (only_one)
);
INSERT INTO key_versions DEFAULT VALUES;

CREATE FUNCTION count_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE key_versions SET version = version + 1;
    RETURN NULL;
END
$$;
-- The use of a key is no change.
CREATE CONSTRAINT TRIGGER api_keys_count_change AFTER INSERT OR DELETE OR UPDATE OF project_id, hash, revoked_at ON api_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_key_change();
CREATE CONSTRAINT TRIGGER projects_count_change AFTER UPDATE OF mode, timeout_minutes, snapshots ON projects
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_key_change();
CREATE CONSTRAINT TRIGGER declared_names_count_change AFTER INSERT OR DELETE OR UPDATE ON declared_names
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_key_change();

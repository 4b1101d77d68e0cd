-- A project that is archived takes nothing new, and is in no list. Since when, or nothing; and when it was last restored,
-- since its silences are judged from then on.
ALTER TABLE projects ADD COLUMN archived_at timestamptz, ADD COLUMN restored_at timestamptz;

-- Its keys are valid no more, or again: what is kept of them in memory is read again.
DROP TRIGGER projects_count_change ON projects;
CREATE CONSTRAINT TRIGGER projects_count_change AFTER UPDATE OF mode, timeout_minutes, snapshots, archived_at ON projects
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_key_change();

-- The audit is read in the order of its times: an entry's id may have been drawn by a workflow, which
-- has no clock, and then says nothing about when.
CREATE INDEX audit_entries_at_idx ON audit_entries (at, id);

-- As for incidents and events, each kind of entry is one ordered stretch of one index. Entries about no
-- project stand together under the nil id.
CREATE INDEX audit_entries_kind_idx ON audit_entries
    (coalesce(project_id, '00000000-0000-0000-0000-000000000000'), actor, action, at, id);
DROP INDEX audit_entries_project_idx;

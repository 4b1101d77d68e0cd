INSERT INTO audit_chain (project_id, sequence, entry_id, at, event_id, may_leave, digest, hash)
SELECT project_id, 1, id, at, event_id, true, sha256(''), sha256('') FROM audit_entries
WHERE id = '0192d1a0-0000-7000-8000-0000000000f1';

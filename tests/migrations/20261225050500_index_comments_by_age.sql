-- It is whole.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'cause_comments_over_idx'::regclass AND indisvalid;
-- A comment that an erasure of this release took.
INSERT INTO audit_entries (id, actor, action, project_id, detail) VALUES
    ('0192d1a0-0000-7000-8000-0000000000f5', 'cli:bob', 'customer.erased', '0192d1a0-0000-7000-8000-000000000001', '{}'),
    ('0192d1a0-0000-7000-8000-0000000000f6', 'cli:bob', 'cause.commented', '0192d1a0-0000-7000-8000-000000000001', '{"note": "as user_9 said"}');
UPDATE audit_texts SET text = erased_audit_text(text), salt = NULL, erased_by = '0192d1a0-0000-7000-8000-0000000000f5'
WHERE entry_id = '0192d1a0-0000-7000-8000-0000000000f6';

-- It is whole.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'audit_texts_project_idx'::regclass AND indisvalid;

-- It is whole.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'cause_comments_over_idx'::regclass AND indisvalid;

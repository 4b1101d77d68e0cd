-- It is whole.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'cause_threads_over_idx'::regclass AND indisvalid;

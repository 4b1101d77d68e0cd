-- It is whole.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'notices_results_idx'::regclass AND indisvalid;

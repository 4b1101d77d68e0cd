-- It is whole.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'notices_over_idx'::regclass AND indisvalid;

-- It is whole.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'watch_checks_over_idx'::regclass AND indisvalid;

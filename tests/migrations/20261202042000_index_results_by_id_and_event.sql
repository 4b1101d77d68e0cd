-- One id is there once.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'results_divided_key'::regclass AND indisvalid;

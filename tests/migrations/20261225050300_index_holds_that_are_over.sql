-- It is whole.
SELECT 1 / count(*) FROM pg_index WHERE indexrelid = 'alert_holds_over_idx'::regclass AND indisvalid;

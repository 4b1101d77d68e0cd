-- Its rows are bounded.
SELECT 1 / count(*) FROM pg_constraint WHERE conname = 'audit_entries_first_check';

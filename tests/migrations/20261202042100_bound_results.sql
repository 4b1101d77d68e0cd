-- Its rows are bounded.
SELECT 1 / count(*) FROM pg_constraint WHERE conname = 'results_first_check';

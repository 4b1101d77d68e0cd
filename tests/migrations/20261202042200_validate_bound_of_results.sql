-- All of them are.
SELECT 1 / count(*) FROM pg_constraint WHERE conname = 'results_first_check' AND convalidated;

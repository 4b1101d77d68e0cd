-- Its rows are bounded.
SELECT 1 / count(*) FROM pg_constraint WHERE conname = 'payment_events_first_check';

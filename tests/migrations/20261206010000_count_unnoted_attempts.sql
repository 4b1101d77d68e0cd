-- Workers died twice before they could note what became of it.
UPDATE alerts SET attempts = attempts + 2, unnoted_attempts = 2 WHERE state = 'pending';
UPDATE notices SET attempts = attempts + 2, unnoted_attempts = 2 WHERE state = 'pending';

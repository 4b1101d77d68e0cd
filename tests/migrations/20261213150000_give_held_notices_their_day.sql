UPDATE notices SET held_at = now();

-- The first step of dividing payment_events: its rows end with the next month.
SELECT partitions.bound_rows('payment_events', 'id');

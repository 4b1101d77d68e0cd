-- The first step of dividing results, as of payment_events: by the event, so that both leave together.
SELECT partitions.bound_rows('results', 'event_id');

-- Events are divided by id, which grows with time.
SELECT partitions.divide('payment_events', 'id', 'id');

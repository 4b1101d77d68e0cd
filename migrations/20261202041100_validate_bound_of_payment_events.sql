-- Reads the table without a lock that anyone notices, so that nothing has to be read when it becomes a partition.
SELECT partitions.validate_bound('payment_events');

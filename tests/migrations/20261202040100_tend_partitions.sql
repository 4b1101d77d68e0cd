-- They run where there is nothing to do.
SELECT make_partition('payment_events'), drop_partition('payment_events');

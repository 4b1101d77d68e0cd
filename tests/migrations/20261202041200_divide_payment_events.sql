-- What is there can still be changed, and the months go on.
UPDATE payment_events SET project_id = project_id;
SELECT make_partition('payment_events');

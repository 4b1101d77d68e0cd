-- The first step of dividing audit_entries: by id, which grows with time, so that an id is there once over all time.
SELECT partitions.bound_rows('audit_entries', 'id');

-- Results are divided by their event. One id is one result of one event, so the wider key holds what the id alone did.
SELECT partitions.divide('results', 'event_id', 'id, event_id');

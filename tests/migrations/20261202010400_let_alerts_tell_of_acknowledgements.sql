INSERT INTO alerts (id, incident_id, event_id, destination_id, kind)
    SELECT '0192d1a0-0000-7000-8000-0000000000d9', incident_id, event_id, destination_id, 'incident_acknowledged' FROM alerts LIMIT 1;

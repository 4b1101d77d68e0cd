UPDATE alerts SET posted = '1234567890' WHERE kind = 'incident_opened';

-- Its watch has not come yet.
UPDATE incidents SET watch_late = true WHERE id = (SELECT id FROM incidents ORDER BY id LIMIT 1);

-- An incident that somebody owns.
UPDATE incidents SET owner = (SELECT id FROM operators ORDER BY id LIMIT 1) WHERE id = '00000000-0000-7000-8000-0000000003c2';

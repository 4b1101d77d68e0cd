UPDATE operators SET view_mode = 'live' WHERE id = (SELECT id FROM operators ORDER BY id LIMIT 1);

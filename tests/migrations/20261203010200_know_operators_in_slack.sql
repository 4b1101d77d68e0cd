UPDATE operators SET slack_user_id = 'U0123ABCDEF' WHERE id = (SELECT id FROM operators ORDER BY id LIMIT 1);

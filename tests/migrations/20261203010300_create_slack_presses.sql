INSERT INTO slack_presses (destination_id, user_id, pressed_at)
    SELECT id, 'U0123ABCDEF', '1503435956.000247' FROM destinations ORDER BY id LIMIT 1;

-- Slack has just got a message.
UPDATE destinations SET next_send_at = now() + interval '1 second' WHERE kind = 'slack';

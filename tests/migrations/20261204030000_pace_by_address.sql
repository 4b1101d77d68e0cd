-- Slack asked for patience.
UPDATE destinations SET paced_by = -7, asked_until = now() + interval '1 minute' WHERE kind = 'slack';

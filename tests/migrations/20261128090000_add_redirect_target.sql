-- An attempt that was answered with a redirect.
INSERT INTO callback_attempts (replay_id, attempt, nonce, finished_at, status, error, latency_ms, answer, redirect_to) VALUES
    ('0192d1a0-0000-7000-8000-000000000072', 2, 'n2', now(), 308, NULL, 9, '', 'https://shop.example.com/repair/');

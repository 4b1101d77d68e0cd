-- An api that seals with the new key and opens with the old one, and a worker that has the old one only.
INSERT INTO key_holders (id, process, release, keys) VALUES
    ('00000000-0000-7000-8000-0000000003a1', 'sendpromptly-api@one', '0.1.0', '{1a2b3c4d,5e6f7a8b}'),
    ('00000000-0000-7000-8000-0000000003a2', 'sendpromptly-worker@two', '0.1.0', '{5e6f7a8b}');

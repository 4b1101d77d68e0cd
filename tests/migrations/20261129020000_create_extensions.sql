-- A probe that answered, was too slow and is being asked, and a paused endpoint that reprocesses.
INSERT INTO extensions (id, project_id, point, kind, activity, queue, url, sealed, trust, fallback, created_by, paused_at) VALUES
    ('0192d1a0-0000-7000-8000-0000000000a1', '0192d1a0-0000-7000-8000-000000000002', 'before_incident', 'activity', 'credits.verify', 'sendpromptly-ext.credits', NULL, NULL, 'propose', NULL, 'operator:bob@cometcart.test', NULL),
    ('0192d1a0-0000-7000-8000-0000000000a2', '0192d1a0-0000-7000-8000-000000000002', 'reprocess', 'https', NULL, NULL, 'https://cometcart.test/reprocess', '\x01', 'settle', 'none', 'cli:bob', now());
INSERT INTO extension_calls (id, event_id, extension_id, point, replay_id, answer_by, answered_at, answer, why, error_type, outcome) VALUES
    ('0192d1a0-0000-7000-8000-0000000000b1', '0192d1a0-0000-7000-8000-000000000043', '0192d1a0-0000-7000-8000-0000000000a1', 'before_incident', NULL, now(), now(), '{"settled": true, "evidence": {"charge": "ch_1"}}', NULL, NULL, 'proposed'),
    ('0192d1a0-0000-7000-8000-0000000000b2', '0192d1a0-0000-7000-8000-000000000044', '0192d1a0-0000-7000-8000-0000000000a1', 'before_incident', NULL, now(), now(), NULL, 'too_slow', NULL, 'unanswered'),
    ('0192d1a0-0000-7000-8000-0000000000b3', '0192d1a0-0000-7000-8000-000000000044', '0192d1a0-0000-7000-8000-0000000000a2', 'reprocess', '0192d1a0-0000-7000-8000-000000000072', now(), NULL, NULL, NULL, NULL, NULL);

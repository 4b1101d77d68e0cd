-- An API takes requests; two outages were noted, one of which lasts.
INSERT INTO api_heartbeats (beat_at) VALUES (now());
INSERT INTO outages (began_at, ended_at, judged_at) VALUES
    (now() - interval '2 hours', now() - interval '119 minutes', now() - interval '118 minutes'),
    (now() - interval '20 seconds', NULL, now() + interval '6 hours');

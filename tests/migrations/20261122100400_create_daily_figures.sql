-- A day with everything, and one on which only an old incident ended.
INSERT INTO daily_figures VALUES
    ('2026-11-20', '0192d1a0-0000-7000-8000-000000000001', 'invoice.paid', 120, 2, 1, 0, '{1800000}', '{}'),
    ('2026-11-21', '0192d1a0-0000-7000-8000-000000000002', 'orders/paid', 0, 0, 0, 2, '{}', '{61000,172800000}');

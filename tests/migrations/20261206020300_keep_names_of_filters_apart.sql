-- Somebody shared a filter that is named after a customer.
INSERT INTO audit_entries (id, actor, action, detail) VALUES
    ('0192d1a0-0000-7000-8000-0000000000f3', 'operator:bob@cometcart.test', 'filter.shared',
        '{"filter_id": "flt_00000000000000000000000001", "list": "incidents", "name": "user_9"}');
SELECT 1 / count(*) FROM audit_texts WHERE text = '{"name": "user_9"}';

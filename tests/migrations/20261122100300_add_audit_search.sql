-- An entry about no project, under an id that says nothing about its time.
INSERT INTO audit_entries (id, actor, action) VALUES
    ('7d4b6a52-5a1e-4c0f-9f2d-3b1c2a4d5e6f', 'operator:alice@cometcart.test', 'operator.signed_in');

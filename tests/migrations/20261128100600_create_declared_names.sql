-- What alice's shop adds to the catalogue.
INSERT INTO declared_names (project_id, kind, provider, name) VALUES
    ('0192d1a0-0000-7000-8000-000000000001', 'event_type', 'acme', 'license.sold'),
    ('0192d1a0-0000-7000-8000-000000000001', 'effect_type', '', 'license_issue');

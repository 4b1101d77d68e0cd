-- One of a set, whose project cannot reprocess.
INSERT INTO bulk_reprocesses (id, project_id, requested_by, items, excluded_running, excluded_taking, set_id, excluded_no_repair_url) VALUES
    ('00000000-0000-7000-8000-0000000003b4', '0192d1a0-0000-7000-8000-000000000002', 'operator:bob@cometcart.test', 0, 0, 0,
        '00000000-0000-7000-8000-0000000003b5', 2);

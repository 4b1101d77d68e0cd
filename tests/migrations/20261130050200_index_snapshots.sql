-- A snapshot of this release beside the one of the release before.
UPDATE payment_events SET snapshot = '\x0300' WHERE id = '0192d1a0-0000-7000-8000-000000000044';

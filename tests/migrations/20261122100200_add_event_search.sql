-- A reference that only its bytes tell from another one.
UPDATE payment_events SET internal_reference = 'User_456' WHERE id = '0192d1a0-0000-7000-8000-000000000041';

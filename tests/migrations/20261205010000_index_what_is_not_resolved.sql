-- What a customer paid for what is not there.
UPDATE incidents SET amount_value = 4900, amount_currency = 'USD' WHERE id = '00000000-0000-7000-8000-0000000003c2';

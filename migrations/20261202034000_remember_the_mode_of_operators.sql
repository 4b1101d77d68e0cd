-- Which projects an operator looks at in the console, once they chose: those with real money, or those of tests.
ALTER TABLE operators ADD COLUMN view_mode text CONSTRAINT operators_view_mode_check CHECK (view_mode IN ('test', 'live'));

-- A call that came before its receipt is known again when it is repeated, whatever else it fits by then.
ALTER TABLE claimed_early_results
    ADD COLUMN idempotency_key text,
    ADD COLUMN outcome         text;

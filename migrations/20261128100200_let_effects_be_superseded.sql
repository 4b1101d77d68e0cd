-- A result may say that no effect is due any more. What is there satisfies the wider rules, so they
-- hold at once for new rows, and the next migration looks at the old ones without stopping writers.
ALTER TABLE payment_events
    DROP CONSTRAINT payment_events_effect_check,
    ADD CONSTRAINT payment_events_effect_check
        CHECK (effect IN ('pending', 'succeeded', 'failed', 'missing', 'superseded')) NOT VALID;
ALTER TABLE results
    DROP CONSTRAINT results_outcome_check,
    ADD CONSTRAINT results_outcome_check CHECK (outcome IN ('success', 'failed', 'superseded')) NOT VALID;
ALTER TABLE early_results
    DROP CONSTRAINT early_results_outcome_check,
    ADD CONSTRAINT early_results_outcome_check CHECK (outcome IN ('success', 'failed', 'superseded')) NOT VALID;
ALTER TABLE incidents
    DROP CONSTRAINT incidents_resolution_check,
    ADD CONSTRAINT incidents_resolution_check
        CHECK (resolution IN ('reprocessed', 'late_success', 'manual', 'superseded')) NOT VALID;

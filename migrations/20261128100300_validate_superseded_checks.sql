-- Reads every row while writers go on.
ALTER TABLE payment_events VALIDATE CONSTRAINT payment_events_effect_check;
ALTER TABLE results VALIDATE CONSTRAINT results_outcome_check;
ALTER TABLE early_results VALIDATE CONSTRAINT early_results_outcome_check;
ALTER TABLE incidents VALIDATE CONSTRAINT incidents_resolution_check;

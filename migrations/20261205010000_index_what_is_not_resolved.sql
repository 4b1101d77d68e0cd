-- What is not resolved, of each project by cause and customer, with all that pages count and add up of it: they read this
-- index and no row behind it, and group by cause without sorting.
CREATE INDEX incidents_waiting_idx ON incidents (project_id, cause, internal_reference)
    INCLUDE (state, effect_type, opened_at, amount_value, amount_currency) WHERE state <> 'resolved';

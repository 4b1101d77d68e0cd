-- The incidents of a cause, in each state, oldest first: a list of one cause reads no other's.
CREATE INDEX incidents_cause_state_idx ON incidents (cause, state, id);

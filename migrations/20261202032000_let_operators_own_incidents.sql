-- Who sees to an incident, if somebody does. An operator who is removed gives back what is not resolved.
ALTER TABLE incidents ADD COLUMN owner uuid CONSTRAINT incidents_owner_fkey REFERENCES operators;

-- What one operator owns, and what nobody does, in each state, in the order of lists.
CREATE INDEX incidents_owner_idx ON incidents (owner, state, id) WHERE owner IS NOT NULL;
CREATE INDEX incidents_unowned_idx ON incidents (state, id) WHERE owner IS NULL AND state <> 'resolved';

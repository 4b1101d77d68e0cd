-- Lists go through one index that begins with everything they can be filtered by and ends with the
-- id: each kind of incident is one ordered stretch of it. See crates/store/src/search/mod.rs.
CREATE INDEX incidents_kind_idx ON incidents (project_id, state, reason, event_type, effect_type, id);
CREATE INDEX incidents_provider_event_idx ON incidents (project_id, provider_event_id, id);
CREATE INDEX incidents_reference_idx ON incidents (project_id, internal_reference, id);
CREATE INDEX incidents_resolved_idx ON incidents (project_id, resolved_at) WHERE state = 'resolved';

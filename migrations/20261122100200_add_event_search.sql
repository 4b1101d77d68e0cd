-- As for incidents: each kind of event is one ordered stretch of one index.
CREATE INDEX payment_events_kind_idx ON payment_events (project_id, effect, event_type, effect_type, id);

-- Ids and references are bytes, not words. Compared as such they can also be searched by how they
-- begin, whatever the language of the database.
ALTER TABLE payment_events
    ALTER COLUMN provider_event_id  TYPE text COLLATE "C",
    ALTER COLUMN internal_reference TYPE text COLLATE "C";
CREATE INDEX payment_events_reference_idx ON payment_events (project_id, internal_reference, id);

-- Every event is pending once and then is not: its dead entries lie where the pending ones are looked
-- for. They are cleared away after 2 % of the table instead of after 20 %.
ALTER TABLE payment_events SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

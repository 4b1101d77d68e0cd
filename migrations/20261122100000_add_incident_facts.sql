-- An incident carries what never changes about its event, so that a list of incidents is filtered
-- and searched without touching a million events. The database copies it itself: no writer can
-- forget it, and an earlier version of the program goes on working.
ALTER TABLE incidents
    ADD COLUMN event_type         text,
    ADD COLUMN effect_type        text,
    ADD COLUMN provider_event_id  text COLLATE "C",
    ADD COLUMN internal_reference text COLLATE "C",
    ADD COLUMN received_at        timestamptz;

CREATE FUNCTION copy_incident_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT e.event_type, e.effect_type, e.provider_event_id, e.internal_reference, e.received_at
    INTO NEW.event_type, NEW.effect_type, NEW.provider_event_id, NEW.internal_reference, NEW.received_at
    FROM payment_events e WHERE e.id = NEW.event_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER incidents_copy_facts BEFORE INSERT ON incidents
    FOR EACH ROW EXECUTE FUNCTION copy_incident_facts();

UPDATE incidents i SET event_type = e.event_type, effect_type = e.effect_type,
    provider_event_id = e.provider_event_id, internal_reference = e.internal_reference, received_at = e.received_at
FROM payment_events e WHERE e.id = i.event_id;

ALTER TABLE incidents
    ALTER COLUMN event_type         SET NOT NULL,
    ALTER COLUMN effect_type        SET NOT NULL,
    ALTER COLUMN provider_event_id  SET NOT NULL,
    ALTER COLUMN internal_reference SET NOT NULL,
    ALTER COLUMN received_at        SET NOT NULL;

-- What was paid, in minor units of a currency, where the receipt said so. It is no part of an event's identity. An
-- incident carries it as it does all that never changes about its event.
ALTER TABLE payment_events
    ADD COLUMN amount_value    bigint,
    ADD COLUMN amount_currency text,
    ADD CONSTRAINT payment_events_amount_check CHECK (
        CASE WHEN amount_value IS NULL THEN amount_currency IS NULL
             ELSE amount_value >= 0 AND amount_value <= 999999999999 AND amount_currency IS NOT NULL AND length(amount_currency) = 3 END) NOT VALID;
ALTER TABLE incidents
    ADD COLUMN amount_value    bigint,
    ADD COLUMN amount_currency text;

CREATE OR REPLACE FUNCTION copy_incident_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT e.event_type, e.effect_type, e.provider_event_id, e.internal_reference, e.received_at, e.amount_value, e.amount_currency
    INTO NEW.event_type, NEW.effect_type, NEW.provider_event_id, NEW.internal_reference, NEW.received_at, NEW.amount_value,
        NEW.amount_currency
    FROM payment_events e WHERE e.id = NEW.event_id;
    RETURN NEW;
END
$$;

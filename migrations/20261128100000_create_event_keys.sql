-- The deduplicator: one event per key, for ever. The key is the SHA-256 of the project's provider,
-- shop, provider's id, event type, effect, reference and effect key, each behind its length, because
-- eight texts do not fit an index entry. `event_identities` did this before with four fields.
CREATE TABLE event_keys (
    project_id uuid  NOT NULL,
    key        bytea NOT NULL CONSTRAINT event_keys_key_check CHECK (octet_length(key) = 32),
    event_id   uuid  NOT NULL,
    CONSTRAINT event_keys_pkey PRIMARY KEY (project_id, key)
);

-- The same as `EventIdentity::key` in crates/domain/src/identity.rs.
CREATE FUNCTION event_key(VARIADIC fields text[]) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(string_agg(int4send(octet_length(field)) || field, ''::bytea ORDER BY place))
    FROM (SELECT convert_to(coalesce(text, ''), 'UTF8') AS field, place
          FROM unnest(fields) WITH ORDINALITY AS given (text, place)) AS fields
$$;

-- `keyed` says that whoever added the event has added its key as well.
ALTER TABLE payment_events
    ADD COLUMN effect_key text COLLATE "C",
    ADD COLUMN keyed      boolean NOT NULL DEFAULT false;

-- An earlier release adds events without a key while both run. Where such an event is there already
-- under another spelling, the first one keeps the key.
CREATE FUNCTION add_event_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_keys (project_id, key, event_id)
    VALUES (NEW.project_id, event_key(NEW.provider, lower(NEW.shopify_shop_domain), NEW.provider_event_id,
        NEW.event_type, NEW.effect_type, NEW.internal_reference, NEW.effect_key), NEW.id)
    ON CONFLICT ON CONSTRAINT event_keys_pkey DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER payment_events_add_key AFTER INSERT ON payment_events
    FOR EACH ROW WHEN (NOT NEW.keyed) EXECUTE FUNCTION add_event_key();

-- What makes two requests under one key the same: the event that they mean. `request_hash` compares
-- every field; it is still written for the earlier release, and decides for the rows of that one.
-- `scope` tells a failure from the success after it under one key: see crates/store/src/idempotency.rs.
ALTER TABLE idempotency_keys
    ADD COLUMN fingerprint bytea,
    ADD COLUMN scope       text;

-- The earlier release uses an expired row again and knows nothing of its fingerprint.
CREATE FUNCTION forget_fingerprint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.fingerprint := NULL;
    NEW.scope := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER idempotency_keys_forget_fingerprint BEFORE UPDATE ON idempotency_keys
    FOR EACH ROW WHEN (OLD.fingerprint IS NOT NULL AND NEW.fingerprint IS NOT DISTINCT FROM OLD.fingerprint
        AND NEW.request_hash <> OLD.request_hash) EXECUTE FUNCTION forget_fingerprint();

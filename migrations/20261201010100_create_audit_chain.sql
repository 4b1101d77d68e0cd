-- A chain beside the entries: each link's hash is over the hash before it, what stands in the link, and the digest of the
-- entry with its text's commitment. Entries of no project are in the chain of the nil id. `domain::audit::chain` computes both.
CREATE TABLE audit_chain (
    project_id uuid        NOT NULL,
    -- From 1, without a gap.
    sequence   bigint      NOT NULL,
    entry_id   uuid        NOT NULL CONSTRAINT audit_chain_entry_key UNIQUE,
    -- Of the entry, so that of one that left it can be said whether it could.
    at         timestamptz NOT NULL,
    event_id   uuid,
    may_leave  boolean     NOT NULL,
    digest     bytea       NOT NULL,
    hash       bytea       NOT NULL,
    -- When retention took the entry. The link stays, and the chain holds over it.
    left_at    timestamptz,
    CONSTRAINT audit_chain_pkey PRIMARY KEY (project_id, sequence),
    CONSTRAINT audit_chain_left_check CHECK (left_at IS NULL OR may_leave)
);

CREATE FUNCTION refuse_audit_chain_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.left_at IS NULL AND NEW.left_at IS NOT NULL
        AND to_jsonb(NEW) - 'left_at' = to_jsonb(OLD) - 'left_at'
        AND EXISTS (SELECT FROM audit_entries e WHERE e.id = OLD.entry_id AND audit_entry_may_leave(e)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the chain of the audit cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE ON audit_chain
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_chain_change();
CREATE TRIGGER audit_chain_keep_all BEFORE TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_chain_change();

-- Marks the link of an entry that retention takes. Who links holds the lock alone, who takes entries shares it: no entry
-- is linked while it goes.
CREATE FUNCTION mark_audit_link_left() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7270014);
    UPDATE audit_chain SET left_at = clock_timestamp() WHERE entry_id = OLD.id AND left_at IS NULL;
    RETURN OLD;
END
$$;
-- After `audit_entries_append_only`, by name.
CREATE TRIGGER audit_entries_leave_their_link BEFORE DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION mark_audit_link_left();

-- How far entries are linked, in the order of their times; how far all of them were looked at again; and when the last
-- round was.
CREATE TABLE audit_sealer (
    only_one  boolean     CONSTRAINT audit_sealer_pkey PRIMARY KEY DEFAULT true CONSTRAINT audit_sealer_only_one_check CHECK (only_one),
    linked_at timestamptz NOT NULL DEFAULT '1970-01-01Z',
    linked_id uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    swept_at  timestamptz NOT NULL DEFAULT '1970-01-01Z',
    swept_id  uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    ran_at    timestamptz
);
INSERT INTO audit_sealer DEFAULT VALUES;

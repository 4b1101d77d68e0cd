-- What grows for ever is divided by month. Partitions stand in a schema of their own, where the role of api and worker has no
-- rights: it works on the whole table, and whatever keeps it from changing the audit keeps it from doing so by a partition.
-- They cover all of time without a gap: what is older than the first month is in `…_first`, what is newer than the last one
-- in `…_last`, so that no row is ever rejected for want of a partition, whatever a clock says.
CREATE SCHEMA partitions;

-- The moment that a bound stands for; ids grow with time.
CREATE FUNCTION partitions.moment_of(bound text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN bound ~ '^[0-9a-f]{8}-' THEN
        to_timestamp(('x' || translate(substr(bound, 1, 13), '-', ''))::bit(48)::bigint / 1000.0) ELSE bound::timestamptz END
$$;

-- The least key of this moment, quoted.
CREATE FUNCTION partitions.bound_at(relation regclass, key text, moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN atttypid = 'uuid'::regtype THEN
        quote_literal((lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid)
        ELSE quote_literal(to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) END
    FROM pg_attribute WHERE attrelid = relation AND attname = key
$$;

CREATE FUNCTION partitions.first_of_month(moment timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT date_trunc('month', moment AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
$$;

-- Every partition, the oldest first. `begins` is NULL for `…_first`, `ends` for `…_last`.
CREATE FUNCTION list_partitions() RETURNS TABLE (relation text, key text, partition text, begins timestamptz, ends timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT p.relname::text, a.attname::text, c.relname::text, partitions.moment_of(substring(bound FROM 'FROM \(''([^'']+)''')),
        partitions.moment_of(substring(bound FROM 'TO \(''([^'']+)'''))
    FROM pg_class p JOIN pg_partitioned_table t ON t.partrelid = p.oid
    JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum = t.partattrs[0]
    JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS bound
    WHERE p.relnamespace = 'public'::regnamespace
    ORDER BY p.relname, 4 NULLS FIRST
$$;

-- The views that read a table.
CREATE FUNCTION partitions.list_views(relation regclass) RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT DISTINCT r.ev_class::regclass FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation AND r.ev_class <> relation
$$;

-- Locks a table, those that it refers to and the views that read it, in turns that are over soon, so that nobody waits behind whoever waits for a long
-- transaction. Gives up after some minutes; what was begun is undone then and can be begun again.
CREATE FUNCTION partitions.lock_alone(relation regclass) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    other regclass;
BEGIN
    FOR attempt IN 1..1000 LOOP
        BEGIN
            FOR other IN SELECT * FROM partitions.list_views(relation) LOOP
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', other);
            END LOOP;
            FOR other IN SELECT DISTINCT confrelid::regclass FROM pg_constraint WHERE conrelid = relation AND contype = 'f' LOOP
                EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', other);
            END LOOP;
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.1 + random() * 0.2);
        END;
    END LOOP;
    RAISE EXCEPTION 'table % is in use by a long transaction: end it, or run the migrations again later', relation
        USING ERRCODE = 'lock_not_available';
END
$$;

-- Moves rows with a later key, as of a clock that was ahead or of an id that is random, to a table that is read with theirs. It does
-- nothing where they are many.
CREATE FUNCTION partitions.set_strays_apart(relation text, key text, bound text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    apart   text := format('partitions.%I', relation || '_strays');
    strays  bigint;
    trigger text;
BEGIN
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %I WHERE %I >= %s LIMIT 1001) AS rows', relation, key, bound) INTO strays;
    IF strays NOT BETWEEN 1 AND 1000 THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %s (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', apart, relation);
    EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', relation);
    EXECUTE format('WITH gone AS (DELETE FROM %I WHERE %I >= %s RETURNING *) INSERT INTO %s SELECT * FROM gone',
        relation, key, bound, apart);
    EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', relation);
    FOR trigger IN SELECT replace(pg_get_triggerdef(oid), format(' ON public.%I ', relation), format(' ON %s ', apart))
        FROM pg_trigger WHERE tgrelid = relation::regclass AND NOT tgisinternal
    LOOP
        EXECUTE trigger;
    END LOOP;
    EXECUTE format('ALTER TABLE %s INHERIT %I', apart, relation);
END
$$;

-- Says of a table that is not divided yet where its rows end: with the next month. It holds for new rows at once, and for those
-- that are there once it is validated. Says nothing where too many rows have a later key.
CREATE FUNCTION partitions.bound_rows(relation regclass, key text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    bound text := partitions.bound_at(relation, key, partitions.first_of_month(now()) + interval '2 months');
    later boolean;
BEGIN
    PERFORM partitions.lock_alone(relation);
    PERFORM partitions.set_strays_apart(relation::text, key, bound);
    EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s WHERE %I >= %s)', relation, key, bound) INTO later;
    IF NOT later THEN
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %s_first_check CHECK (%I < %s) NO INHERIT NOT VALID',
            relation, relation, key, bound);
    END IF;
END
$$;

CREATE FUNCTION partitions.validate_bound(relation regclass) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    name text := (SELECT conname FROM pg_constraint WHERE conrelid = relation AND conname = relation || '_first_check');
BEGIN
    IF name IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', relation, name);
    END IF;
END
$$;

-- Gives a table, and each column of it, the rights of another.
CREATE FUNCTION partitions.copy_rights(source regclass, target regclass) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    command text;
BEGIN
    EXECUTE format('ALTER TABLE %s OWNER TO %s', target, (SELECT relowner::regrole FROM pg_class WHERE oid = source));
    FOR command IN
        SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', target, who) FROM pg_class c, aclexplode(c.relacl) AS a,
            LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who) AS named
        WHERE c.oid = target AND a.grantee <> c.relowner
    LOOP
        EXECUTE command;
    END LOOP;
    FOR command IN
        SELECT format('GRANT %s %s ON %s TO %s %s', a.privilege_type, columns, target,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
            CASE WHEN a.is_grantable THEN 'WITH GRANT OPTION' END)
        FROM (SELECT relacl AS acl, '' AS columns FROM pg_class WHERE oid = source
            UNION ALL SELECT attacl, format('(%I)', attname) FROM pg_attribute WHERE attrelid = source) AS rights, aclexplode(acl) AS a
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;

-- A table like this one, to become a partition of it: with its indexes, so that they need not be built under a lock, and with
-- what a partition does not inherit.
CREATE FUNCTION partitions.create_like(source regclass, settings regclass, name text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    option text;
BEGIN
    EXECUTE format('CREATE TABLE partitions.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES
        INCLUDING STORAGE INCLUDING COMPRESSION)', name, source);
    FOR option IN SELECT unnest(reloptions) FROM pg_class WHERE oid = settings LOOP
        EXECUTE format('ALTER TABLE partitions.%I SET (%s)', name, option);
    END LOOP;
END
$$;

-- What keeps a table from being truncated keeps its partition.
CREATE FUNCTION partitions.guard(relation text, name text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    trigger record;
BEGIN
    FOR trigger IN SELECT tgname, tgfoid FROM pg_trigger WHERE tgrelid = to_regclass(relation) AND NOT tgisinternal AND tgtype & 1 = 0
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON partitions.%I FOR EACH STATEMENT EXECUTE FUNCTION %s()',
            trigger.tgname, name, trigger.tgfoid::regproc);
    END LOOP;
END
$$;

-- The whole that a table becomes the first partition of, still apart from it: with the same columns, checks and indexes, and
-- with a last partition that begins where the table ends.
CREATE FUNCTION partitions.create_whole(relation text, key text, primary_key text, ends timestamptz) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    whole text := format('partitions_made.%I', relation);
    extra text;
BEGIN
    CREATE SCHEMA partitions_made;
    EXECUTE format('CREATE TABLE %s (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION) PARTITION BY RANGE (%I)',
        whole, relation, key);
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (%s)', whole, relation || '_pkey', primary_key);
    FOR extra IN
        SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', whole, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE conrelid = relation::regclass AND contype = 'c' AND conname <> relation || '_first_check'
        UNION ALL SELECT replace(pg_get_indexdef(indexrelid), format(' ON public.%I ', relation), format(' ON %s ', whole))
        FROM pg_index WHERE indrelid = relation::regclass AND NOT indisprimary
            AND indexrelid IS DISTINCT FROM to_regclass(relation || '_divided_key')
    LOOP
        EXECUTE extra;
    END LOOP;
    IF ends IS NOT NULL THEN
        PERFORM partitions.create_like(whole::regclass, relation::regclass, relation || '_last');
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION partitions.%I FOR VALUES FROM (%s) TO (MAXVALUE)',
            whole, relation || '_last', partitions.bound_at(relation::regclass, key, ends));
    END IF;
END
$$;

-- Puts the whole in the place of its table, with the rights, references, views and triggers of that.
CREATE FUNCTION partitions.put_in_place(relation text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    strays text := format('partitions.%I', relation || '_strays');
    own    text[];
    extra  text;
BEGIN
    own := ARRAY(SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s', relation, conname, pg_get_constraintdef(oid))
            FROM pg_constraint WHERE conrelid = relation::regclass AND contype = 'f')
        || ARRAY(SELECT format('CREATE OR REPLACE VIEW %s AS %s', v, pg_get_viewdef(v)) FROM partitions.list_views(relation::regclass) AS v)
        || ARRAY(SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = relation::regclass AND NOT tgisinternal);
    FOR extra IN SELECT format('DROP TRIGGER %I ON %I', tgname, relation) FROM pg_trigger
        WHERE tgrelid = relation::regclass AND NOT tgisinternal
    LOOP
        EXECUTE extra;
    END LOOP;
    IF to_regclass(strays) IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s NO INHERIT %I', strays, relation);
        EXECUTE format('INSERT INTO partitions.%I SELECT * FROM %s', relation || '_last', strays);
        EXECUTE format('DROP TABLE %s', strays);
    END IF;
    EXECUTE format('ALTER TABLE %I SET SCHEMA partitions', relation);
    EXECUTE format('ALTER TABLE partitions.%I RENAME TO %I', relation, relation || '_first');
    EXECUTE format('ALTER TABLE partitions_made.%I SET SCHEMA public', relation);
    DROP SCHEMA partitions_made;
    FOREACH extra IN ARRAY own LOOP
        EXECUTE extra;
    END LOOP;
    PERFORM partitions.copy_rights(format('partitions.%I', relation || '_first')::regclass, relation::regclass);
END
$$;

-- Makes a table the first partition of one that takes its name, its rights, its views, and its constraints, indexes and triggers
-- with their names; not a row of it is read. `primary_key` has the key in it; where it had none, an index `…_divided_key` is
-- there, which becomes it. The lock lasts some milliseconds.
CREATE FUNCTION partitions.divide(relation text, key text, primary_key text) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    own   text := relation || '_first_check';
    first text := relation || '_first';
    ends  timestamptz := (SELECT partitions.moment_of(substring(pg_get_constraintdef(oid) FROM '''([^'']+)'''))
        FROM pg_constraint WHERE conrelid = relation::regclass AND conname = own AND convalidated);
BEGIN
    PERFORM partitions.create_whole(relation, key, primary_key, ends);
    PERFORM partitions.lock_alone(relation::regclass);
    IF to_regclass(relation || '_divided_key') IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I, ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I',
            relation, relation || '_pkey', relation || '_pkey', relation || '_divided_key');
    END IF;
    PERFORM partitions.put_in_place(relation);
    PERFORM partitions.guard(relation, first);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (MINVALUE) TO (%s)', relation, first,
        coalesce(partitions.bound_at(relation::regclass, key, ends), 'MAXVALUE'));
    EXECUTE format('ALTER TABLE partitions.%I DROP CONSTRAINT IF EXISTS %I', first, own);
    IF ends IS NOT NULL THEN
        PERFORM partitions.guard(relation, relation || '_last');
    END IF;
END
$$;

-- By these the worker makes partitions ahead of time and lets go of those that are over. They do one at a time and wait for no
-- lock longer than nobody notices: whoever calls them tries again later.

-- Makes the next month of a table a partition, unless two months ahead are there; gives its name. Rows that came into `…_last`
-- meanwhile are moved to it, and later ones are looked at, while everyone waits: so with many rows there it does nothing.
CREATE FUNCTION make_partition(relation text, most bigint DEFAULT 5000) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    open  text := relation || '_last';
    it    record;
    upto  text;
    made  text;
    there bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7270041) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO it FROM list_partitions() AS p WHERE p.relation = make_partition.relation AND p.partition = open;
    IF it.begins IS NULL OR it.begins >= now() + interval '2 months' THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT count(*) FROM (SELECT FROM partitions.%I LIMIT %s) AS rows', open, most + 1) INTO there;
    IF there > most THEN
        RETURN NULL;
    END IF;
    made := format('%s_%s', relation, to_char(it.begins AT TIME ZONE 'UTC', 'YYYY_MM'));
    upto := partitions.bound_at(relation::regclass, it.key, (it.begins AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
    PERFORM partitions.create_like(relation::regclass, format('partitions.%I', open)::regclass, made);
    PERFORM partitions.guard(relation, made);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', relation);
    EXECUTE format('ALTER TABLE %I DETACH PARTITION partitions.%I', relation, open);
    EXECUTE format('WITH gone AS (DELETE FROM partitions.%I WHERE %I < %s RETURNING *) INSERT INTO partitions.%I SELECT * FROM gone',
        open, it.key, upto, made);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (%s) TO (%s)',
        relation, made, partitions.bound_at(relation::regclass, it.key, it.begins), upto);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (%s) TO (MAXVALUE)', relation, open, upto);
    RETURN made;
END
$$;

-- How many rows a partition holds, counted no further than this. It follows an index, which a table that was emptied does not
-- make long.
CREATE FUNCTION partitions.count_rows(partition text, key text, most bigint) RETURNS bigint LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    there bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM (SELECT FROM partitions.%I ORDER BY %I LIMIT %s) AS rows', partition, key, most)
        INTO there;
    RETURN there;
END
$$;

-- Months of a table, the oldest first, that are over for a month and of which next to nothing is left, as of all before them.
CREATE FUNCTION list_spent_partitions(relation text) RETURNS TABLE (partition text, month date) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    rest  bigint := 1001;
    began timestamptz;
    it    record;
BEGIN
    FOR it IN SELECT p.* FROM list_partitions() AS p WHERE p.relation = list_spent_partitions.relation LOOP
        began := clock_timestamp();
        IF it.ends IS NULL OR it.ends > now() - interval '1 month' THEN
            RETURN;
        END IF;
        rest := rest - partitions.count_rows(it.partition, it.key, rest);
        -- Where the index is still full of what went, vacuum comes first.
        IF rest <= 0 OR clock_timestamp() - began > interval '20 ms' THEN
            RETURN;
        END IF;
        IF it.begins IS NOT NULL THEN
            partition := it.partition;
            month := (it.begins AT TIME ZONE 'UTC')::date;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;

-- Drops the first of those months: what must stay of it, and of what is before it, is all that `…_first` holds afterwards.
-- Gives its name.
CREATE FUNCTION drop_partition(relation text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '100ms' SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    oldest    text := relation || '_first';
    left_over text := relation || '_left_over';
    spent     text;
    it        record;
    upto      text;
BEGIN
    IF pg_try_advisory_xact_lock(7270041) THEN
        spent := (SELECT s.partition FROM list_spent_partitions(relation) AS s LIMIT 1);
    END IF;
    IF spent IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT p.* INTO it FROM list_partitions() AS p WHERE p.relation = drop_partition.relation AND p.partition = spent;
    upto := partitions.bound_at(relation::regclass, it.key, it.ends);
    PERFORM partitions.create_like(relation::regclass, format('partitions.%I', spent)::regclass, left_over);
    PERFORM partitions.guard(relation, left_over);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', relation);
    EXECUTE format('INSERT INTO partitions.%I SELECT * FROM %I WHERE %I < %s ORDER BY %I', left_over, relation, it.key,
        upto, it.key);
    EXECUTE format('DROP TABLE partitions.%I, partitions.%I', oldest, spent);
    EXECUTE format('ALTER TABLE partitions.%I RENAME TO %I', left_over, oldest);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (MINVALUE) TO (%s)', relation, oldest, upto);
    RETURN spent;
END
$$;

REVOKE ALL ON FUNCTION make_partition, drop_partition, list_spent_partitions FROM PUBLIC;

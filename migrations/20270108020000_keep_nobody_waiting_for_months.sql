-- Whoever waits for a lock of a table keeps everyone behind it waiting, and then waits again for each of its partitions, as for one
-- that is vacuumed.
ALTER FUNCTION drop_partition(text) SET lock_timeout = '40ms';

-- As before. Under the lock `…_last` is read from its begin to its end, also what is left on the disk of rows that were moved: where
-- that is much, vacuum comes first, unless the owner asks for more than is moved by itself.
CREATE OR REPLACE FUNCTION make_partition(relation text, most bigint DEFAULT 5000) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '40ms' AS $$
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
    IF most <= 5000 AND pg_relation_size(format('partitions.%I', open)::regclass) > 16 * 1024 * 1024 THEN
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

-- What must stay of a month moves to the partition before it, and how much of earlier months had to stay matters no more: entries of
-- the audit about no event stay for good, so all of them together are many one day. A month of which more must stay
-- remains, and those after it go without it.

-- Months of a table, the oldest first, that are over for a month and of which next to nothing is left.
CREATE OR REPLACE FUNCTION list_spent_partitions(relation text) RETURNS TABLE (partition text, month date) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    -- Whether rows may move to the partition before: it is made again with few rows, and read where it is small on the disk.
    fits  boolean := true;
    there bigint;
    began timestamptz;
    it    record;
BEGIN
    FOR it IN SELECT p.* FROM list_partitions() AS p WHERE p.relation = list_spent_partitions.relation LOOP
        began := clock_timestamp();
        IF it.ends IS NULL OR it.ends > now() - interval '1 month' THEN
            RETURN;
        END IF;
        there := partitions.count_rows(it.partition, it.key, 1001);
        -- Where the index is still full of what went, vacuum comes first.
        IF clock_timestamp() - began > interval '20 ms' THEN
            RETURN;
        END IF;
        IF it.begins IS NOT NULL AND fits AND there <= 1000 THEN
            partition := it.partition;
            month := (it.begins AT TIME ZONE 'UTC')::date;
            RETURN NEXT;
        ELSE
            fits := it.begins IS NULL AND there <= 1000
                OR pg_relation_size(format('partitions.%I', it.partition)::regclass) <= 16 * 1024 * 1024;
        END IF;
    END LOOP;
END
$$;

-- Drops the first of those months: what must stay of it is in the partition before it afterwards. `…_first` is made again while few
-- rows are in it, which gives its disk back, too. Gives the month's name.
CREATE OR REPLACE FUNCTION drop_partition(relation text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '100ms' SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    left_over text := relation || '_left_over';
    spent     text;
    it        record;
    earlier   record;
    since     text := 'MINVALUE';
    upto      text;
BEGIN
    IF pg_try_advisory_xact_lock(7270041) THEN
        spent := (SELECT s.partition FROM list_spent_partitions(relation) AS s LIMIT 1);
    END IF;
    IF spent IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT p.* INTO it FROM list_partitions() AS p WHERE p.relation = drop_partition.relation AND p.partition = spent;
    SELECT p.* INTO earlier FROM list_partitions() AS p WHERE p.relation = drop_partition.relation AND p.ends = it.begins;
    upto := partitions.bound_at(relation::regclass, it.key, it.ends);
    IF earlier.begins IS NULL AND partitions.count_rows(earlier.partition, it.key, 1001) <= 1000 THEN
        PERFORM partitions.create_like(relation::regclass, format('partitions.%I', spent)::regclass, left_over);
        PERFORM partitions.guard(relation, left_over);
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', relation);
        EXECUTE format('INSERT INTO partitions.%I SELECT * FROM %I WHERE %I < %s ORDER BY %I', left_over, relation, it.key,
            upto, it.key);
        EXECUTE format('DROP TABLE partitions.%I, partitions.%I', earlier.partition, spent);
        EXECUTE format('ALTER TABLE partitions.%I RENAME TO %I', left_over, earlier.partition);
    ELSE
        IF earlier.begins IS NOT NULL THEN
            since := partitions.bound_at(relation::regclass, it.key, earlier.begins);
        END IF;
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', relation);
        EXECUTE format('ALTER TABLE %I DETACH PARTITION partitions.%I', relation, earlier.partition);
        EXECUTE format('INSERT INTO partitions.%I SELECT * FROM partitions.%I ORDER BY %I', earlier.partition, spent, it.key);
        EXECUTE format('DROP TABLE partitions.%I', spent);
    END IF;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (%s) TO (%s)', relation, earlier.partition,
        since, upto);
    RETURN spent;
END
$$;

-- Divides the oldest partition of a table by month, as it would be had the table been divided this long ago. Its rows go
-- to their months, past the triggers that would take them for new ones.
CREATE OR REPLACE FUNCTION pg_temp.divide_since(relation text, days int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first  text := relation || '_first';
    before text := relation || '_before';
    month  timestamp := date_trunc('month', (now() - make_interval(days => days)) AT TIME ZONE 'UTC');
    bound  text := 'MINVALUE';
    made   text := first;
    upto   text;
    it     record;
BEGIN
    PERFORM pg_advisory_xact_lock(7270041);
    SELECT p.* INTO it FROM list_partitions() AS p WHERE p.relation = divide_since.relation AND p.partition = first;
    IF it.ends IS NULL OR it.ends <= month AT TIME ZONE 'UTC' THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION partitions.%I', relation, first);
    EXECUTE format('ALTER TABLE partitions.%I RENAME TO %I', first, before);
    LOOP
        upto := partitions.bound_at(relation::regclass, it.key, month AT TIME ZONE 'UTC');
        PERFORM partitions.create_like(relation::regclass, format('partitions.%I', before)::regclass, made);
        PERFORM partitions.guard(relation, made);
        EXECUTE format('WITH gone AS (DELETE FROM partitions.%I WHERE %I < %s RETURNING *) INSERT INTO partitions.%I SELECT * FROM gone',
            before, it.key, upto, made);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (%s) TO (%s)', relation, made, bound, upto);
        EXIT WHEN month AT TIME ZONE 'UTC' >= it.ends;
        made := format('%s_%s', relation, to_char(month, 'YYYY_MM'));
        bound := upto;
        month := month + interval '1 month';
    END LOOP;
    EXECUTE format('DROP TABLE partitions.%I', before);
END
$$;

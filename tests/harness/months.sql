-- Divides the tables of an empty database anew, as if it had been divided this long ago.
CREATE OR REPLACE FUNCTION pg_temp.divide_since(months interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    it record;
    start timestamptz := partitions.first_of_month(now()) - months;
BEGIN
    FOR it IN SELECT DISTINCT relation, key FROM list_partitions() LOOP
        PERFORM partitions.create_like(it.relation::regclass, it.relation::regclass, 'oldest');
        EXECUTE (SELECT 'DROP TABLE ' || string_agg(format('partitions.%I', partition), ', ') FROM list_partitions() AS p
            WHERE p.relation = it.relation);
        EXECUTE format('ALTER TABLE partitions.oldest RENAME TO %I', it.relation || '_first');
        PERFORM partitions.create_like(it.relation::regclass, it.relation::regclass, it.relation || '_last');
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (MINVALUE) TO (%s)', it.relation,
            it.relation || '_first', partitions.bound_at(it.relation::regclass, it.key, start));
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION partitions.%I FOR VALUES FROM (%s) TO (MAXVALUE)', it.relation,
            it.relation || '_last', partitions.bound_at(it.relation::regclass, it.key, start));
        WHILE make_partition(it.relation) IS NOT NULL LOOP NULL; END LOOP;
    END LOOP;
END
$$;

-- An id of this moment; each number is another one.
CREATE OR REPLACE FUNCTION pg_temp.id_of(moment timestamptz, number bigint) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(number), 12, '0'))::uuid
$$;

-- Pending events with these numbers, received at these moments.
CREATE OR REPLACE FUNCTION pg_temp.add_event(project uuid, moment timestamptz, number bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type,
        internal_reference, occurred_at, received_at, timeout_minutes, timeout_at)
    VALUES (pg_temp.id_of(moment, number), project, gen_random_uuid(), 'stripe', 'evt_' || number, 'invoice.paid', 'credit_grant',
        'user_' || number, moment, moment, 30, moment + interval '30 minutes')
$$;

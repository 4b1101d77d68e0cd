INSERT INTO projects (id, name, mode, timeout_minutes)
    VALUES ('00000000-0000-7000-8000-000000000000', 'CometCart', 'test', 30);

-- A UUIDv7 of this moment: the servers that can be used have none of their own before 18.
CREATE FUNCTION loadtest_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (substr(ms, 1, 8) || '-' || substr(ms, 9) || '-7' || substr(random, 16))::uuid
    FROM (SELECT lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS ms,
        gen_random_uuid()::text AS random) AS parts
$$;

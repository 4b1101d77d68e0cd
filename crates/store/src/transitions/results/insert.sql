-- The first success of several events whose rows are locked: the results, the new state, the entries on
-- the timelines, the messages to the watches and the responses. It counts what could be changed: none of it
-- may stay if that is not all.
WITH success AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::jsonb[],
        $9::uuid[], $10::jsonb[], $11::double precision[], $12::text[], $13::text[], $14::bytea[], $15::bytea[], $16::text[],
        $17::smallint[], $18::bytea[])
    AS success (event_id, project_id, result_id, error_code, error_message, entry_id, actor, detail,
        message_id, payload, leeway, route, key, request_hash, fingerprint, scope, status, body)
), result AS (
    INSERT INTO results (id, project_id, event_id, outcome, error_code, error_message)
    SELECT result_id, project_id, event_id, $19, error_code, error_message FROM success
), event AS (
    UPDATE payment_events SET effect = $21, settled_at = now() FROM success
    WHERE id = success.event_id AND effect = $20
    RETURNING id
), entry AS (
    INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail)
    SELECT entry_id, actor, $22, project_id, event_id, detail FROM success
), message AS (
    INSERT INTO outbox (id, event_id, wish, payload, due_by)
    SELECT message_id, event_id, $23, payload, now() + make_interval(secs => leeway) FROM success
), response AS (
    INSERT INTO idempotency_keys AS kept (project_id, route, key, request_hash, fingerprint, scope, status, body)
    SELECT project_id, route, key, request_hash, fingerprint, scope, status, body FROM success
    ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
    SET request_hash = excluded.request_hash, fingerprint = excluded.fingerprint, scope = excluded.scope,
        status = excluded.status, body = excluded.body, created_at = now()
    WHERE kept.created_at <= now() - interval '7 days'
    RETURNING key
)
SELECT (SELECT count(*) FROM event) AS "settled!", (SELECT count(*) FROM response) AS "responses!"

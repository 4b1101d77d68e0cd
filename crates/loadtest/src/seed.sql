-- Ninety days of three shops, or as many as seed.days says: as many events and incidents as seed.events and seed.incidents
-- say, spread evenly, with everything that hangs on them. Where seed.unresolved says so, the last week is a bad one: about so
-- many incidents more, of several errors, none of them resolved. One transaction: it is all there or nothing is.
-- Nothing is chosen by chance, so two runs differ in their ids and times only.

SET LOCAL statement_timeout = 0;
SET LOCAL work_mem = '256MB';

-- A UUIDv7 of this moment; the salt makes it differ from others.
CREATE FUNCTION pg_temp.id_at(at timestamptz, salt text) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT overlay(overlay(overlay(md5(salt || transaction_timestamp())
        PLACING lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') FROM 1)
        PLACING '7' FROM 13) PLACING '8' FROM 17)::uuid
$$;

-- An id as people see it.
CREATE FUNCTION pg_temp.shown(prefix text, id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT prefix || string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + substring(bits, 5 * n + 1, 5)::int, 1), '' ORDER BY n)
    FROM (SELECT (B'00' || ('x' || replace(id::text, '-', ''))::bit(128))::bit(130) AS bits) AS whole, generate_series(0, 25) AS n
$$;

-- One of `every` events has an incident, and of a thousand of the bad week's `bad`.
CREATE TEMP TABLE sizes ON COMMIT DROP AS
SELECT total, make_interval(days => days) AS history, now() - make_interval(days => days + 1) AS begun, unresolved > 0 AS is_bad,
    least(84, greatest(12, days / 28 + 1)) AS months, greatest(1, total / greatest(1, incidents)) AS every,
    least(1000, unresolved::bigint * 1000 * days / (7 * greatest(1, total::bigint))) AS bad
FROM (SELECT current_setting('seed.events')::int AS total, current_setting('seed.incidents')::int AS incidents,
        coalesce(nullif(current_setting('seed.days', true), ''), '90')::int AS days,
        coalesce(nullif(current_setting('seed.unresolved', true), ''), '0')::int AS unresolved) AS asked;

CREATE TEMP TABLE shops ON COMMIT DROP AS
SELECT n AS shop, pg_temp.id_at(begun, 'project' || n) AS project_id, pg_temp.id_at(begun, 'key' || n) AS key_id,
    pg_temp.id_at(begun, 'destination' || n) AS destination_id,
    ('{CometCart,Nebula Courses,Nebula Courses (staging)}'::text[])[n] AS name,
    ('{live,live,test}'::text[])[n] AS mode
FROM sizes, generate_series(1, 3) AS n;
ALTER TABLE shops ADD COLUMN actor text;
UPDATE shops SET actor = 'key:' || pg_temp.shown('key_', key_id);

-- They keep all of it.
INSERT INTO projects (id, name, mode, timeout_minutes, repair_url, created_at, retention_months)
    SELECT project_id, name, mode, 30, NULL, begun, months FROM shops, sizes;
INSERT INTO api_keys (id, project_id, label, hash, last_four, created_at, last_used_at)
    SELECT key_id, project_id, 'production', sha256(key_id::text::bytea), 'seed', begun, now() FROM shops, sizes;
INSERT INTO destinations (id, project_id, kind, address, created_at)
    SELECT destination_id, project_id, 'email', 'bob@cometcart.test', begun FROM shops, sizes;

-- What each shop sells: of 10,000 of its events, those with a number below `upto` are of this kind.
CREATE TEMP TABLE kinds (shop int, upto int, provider text, event_type text, effect_type text) ON COMMIT DROP;
INSERT INTO kinds VALUES
    (1,  4500, 'stripe',  'invoice.paid',                  'credit_grant'),
    (1,  7500, 'stripe',  'checkout.session.completed',    'access_unlock'),
    (1,  9000, 'stripe',  'customer.subscription.updated', 'subscription_state_apply'),
    (1,  9600, 'stripe',  'customer.subscription.deleted', 'access_revocation'),
    (1,  9990, 'stripe',  'charge.refunded',               'credit_deduction'),
    (1, 10000, 'stripe',  'charge.dispute.created',        'access_revocation'),
    (2,  7000, 'shopify', 'orders/paid',                   'seat_update'),
    (2,  9500, 'shopify', 'orders/fulfilled',              'access_unlock'),
    (2, 10000, 'shopify', 'customers/create',              'access_unlock'),
    (3,  5000, 'stripe',  'checkout.session.completed',    'access_unlock'),
    (3,  9997, 'stripe',  'checkout.session.completed',    'credit_grant'),
    (3, 10000, 'shopify', 'checkouts/create',              'seat_update');

-- One row per event. `incident` counts them, oldest first; the last half hour is still pending.
CREATE TEMP TABLE stories ON COMMIT DROP AS
SELECT n, shop, incident, received_at, kind.provider, kind.event_type, kind.effect_type,
    pg_temp.id_at(received_at, 'event' || n) AS id,
    CASE kind.provider WHEN 'stripe' THEN 'evt_' || substr(md5('provider' || n || transaction_timestamp()), 1, 24)
        ELSE (820000000000000000 + n::bigint * 7919)::text END AS provider_event_id,
    -- One reference has a twentieth of all events; the others have a few.
    CASE WHEN n % 20 = 7 THEN 'workspace_1' ELSE 'user_' || (n::bigint * 7919) % 50021 END AS reference,
    CASE WHEN incident % 3 = 0 THEN 'missing_result' WHEN incident IS NOT NULL THEN 'failed_result' END AS reason,
    CASE WHEN incident IS NULL THEN NULL WHEN NOT unresolved THEN 'resolved'
        WHEN incident % 5 = 0 THEN 'acknowledged' WHEN incident % 7 = 0 THEN 'reprocessing' ELSE 'open' END AS state,
    CASE WHEN unresolved THEN NULL WHEN incident % 4 = 0 THEN 'late_success'
        WHEN incident % 7 = 0 THEN 'manual' WHEN incident IS NOT NULL THEN 'reprocessed' END AS resolution,
    -- Answers come after up to 8 seconds, repairs after minutes to days.
    interval '1 millisecond' * (200 + n::bigint * 7919 % 8000) AS answered_after,
    interval '1 second' * (120 + (coalesce(incident, 0)::bigint * 104729 % 1000) ^ 2 / 8) AS repaired_after,
    -- What the app says of a failure: one thing, or five of a bad week.
    CASE WHEN is_bad THEN ('{db_write_failed,lock_timeout,entitlements_unreachable,quota_exceeded,unknown_plan}'::text[])[1 + n / 3 % 5]
        ELSE 'db_write_failed' END AS error_code,
    CASE WHEN is_bad THEN 500 + n::bigint * 7919 % 20000 END AS amount
FROM (
    SELECT n, CASE WHEN n % 100 < 60 THEN 1 WHEN n % 100 < 95 THEN 2 ELSE 3 END AS shop,
        CASE WHEN received_at > now() - interval '32 minutes' THEN NULL WHEN is_of_bad_week THEN n
            WHEN n % every = (n / every)::bigint * 7919 % 1009 % every THEN n / every END AS incident, received_at, is_of_bad_week, is_bad
    FROM (SELECT n, now() - history * (1 - n::float8 / total) AS received_at, every, bad, is_bad
        FROM sizes, generate_series(1, total) AS n) AS times
    CROSS JOIN LATERAL (SELECT received_at > now() - interval '7 days' AND n::bigint * 7919 % 1000 < bad AS is_of_bad_week) AS week
) AS numbered
-- Of the other incidents of the last month every eighth still waits for an operator.
CROSS JOIN LATERAL (SELECT is_of_bad_week OR incident::bigint * 7919 % 1009 % 8 = 0 AND received_at > now() - interval '30 days'
    AS unresolved) AS waiting
CROSS JOIN LATERAL (
    SELECT k.provider, k.event_type, k.effect_type FROM kinds k
    WHERE k.shop = numbered.shop AND numbered.n::bigint * 7919 % 10007 % 10000 < k.upto ORDER BY k.upto LIMIT 1
) AS kind;

CREATE TEMP TABLE events ON COMMIT DROP AS
SELECT s.*, shops.project_id, shops.key_id, shops.destination_id, shops.actor,
    CASE WHEN received_at > now() - interval '30 minutes' THEN 'pending'
        WHEN resolution IN ('reprocessed', 'late_success') OR incident IS NULL THEN 'succeeded'
        WHEN reason = 'missing_result' THEN 'missing' ELSE 'failed' END AS effect,
    CASE reason WHEN 'missing_result' THEN received_at + interval '30 minutes' ELSE received_at + answered_after END AS judged_at
FROM stories s JOIN shops USING (shop) ORDER BY n;
ALTER TABLE events ADD COLUMN repaired_at timestamptz;
UPDATE events SET repaired_at = least(judged_at + repaired_after, now()) WHERE resolution IS NOT NULL;

INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type, internal_reference,
    occurred_at, shopify_shop_domain, effect, received_at, timeout_minutes, timeout_at, settled_at, amount_value, amount_currency)
SELECT id, project_id, key_id, provider, provider_event_id, event_type, effect_type, reference, received_at - interval '2 seconds',
    CASE provider WHEN 'shopify' THEN 'nebula.myshopify.com' END, effect, received_at, 30, received_at + interval '30 minutes',
    CASE effect WHEN 'pending' THEN NULL WHEN 'succeeded' THEN coalesce(repaired_at, judged_at) ELSE judged_at END,
    amount, CASE WHEN amount IS NOT NULL THEN 'USD' END
FROM events ORDER BY n;
INSERT INTO event_identities (project_id, provider, provider_event_id, effect_type, event_id)
    SELECT project_id, provider, provider_event_id, effect_type, id FROM events;
INSERT INTO results (id, event_id, project_id, outcome, error_code, error_message, received_at)
    SELECT pg_temp.id_at(judged_at, 'result' || n), id, project_id, CASE WHEN incident IS NULL THEN 'success' ELSE 'failed' END,
        CASE WHEN incident IS NOT NULL THEN error_code END, CASE WHEN incident IS NOT NULL THEN 'could not obtain a lock' END, judged_at
    FROM events WHERE effect <> 'pending' AND reason IS DISTINCT FROM 'missing_result';
INSERT INTO results (id, event_id, project_id, outcome, received_at)
    SELECT pg_temp.id_at(repaired_at, 'repair' || n), id, project_id, 'success', repaired_at
    FROM events WHERE resolution IN ('reprocessed', 'late_success');

CREATE TEMP TABLE troubles ON COMMIT DROP AS
SELECT e.*, pg_temp.id_at(judged_at, 'incident' || n) AS incident_id,
    CASE WHEN resolution = 'reprocessed' THEN pg_temp.id_at(repaired_at - interval '20 seconds', 'replay' || n)
        WHEN state = 'reprocessing' THEN pg_temp.id_at(now() - interval '1 minute', 'replay' || n)
        WHEN state = 'open' AND incident % 2 = 0 THEN pg_temp.id_at(judged_at + interval '1 minute', 'replay' || n) END AS replay_id,
    CASE WHEN resolution = 'reprocessed' THEN repaired_at - interval '20 seconds'
        WHEN state = 'reprocessing' THEN now() - interval '1 minute' ELSE judged_at + interval '1 minute' END AS requested_at,
    CASE WHEN incident % 5 = 0 THEN 'operator:alice@cometcart.test' ELSE 'operator:bob@cometcart.test' END AS person
FROM events e WHERE incident IS NOT NULL;

INSERT INTO incidents (id, event_id, project_id, state, reason, error_code, error_message, resolution, resolution_note, opened_at,
    acknowledged_at, resolved_at, cause_code)
SELECT incident_id, id, project_id, state, reason, CASE reason WHEN 'failed_result' THEN error_code END,
    CASE reason WHEN 'failed_result' THEN 'could not obtain a lock' END, resolution,
    CASE resolution WHEN 'manual' THEN 'credited by hand' END, judged_at,
    CASE WHEN state = 'acknowledged' OR incident % 2 = 0 THEN judged_at + interval '45 seconds' END, repaired_at,
    CASE reason WHEN 'failed_result' THEN error_code END
FROM troubles ORDER BY incident_id;
INSERT INTO reprocesses (id, incident_id, event_id, state, requested_by, body, requested_at, result_due_at, finished_at)
SELECT replay_id, incident_id, id,
    CASE state WHEN 'resolved' THEN 'succeeded' WHEN 'reprocessing' THEN 'awaiting_result' ELSE 'undelivered' END,
    person, '{"type":"reprocess"}', requested_at,
    CASE WHEN state <> 'open' THEN requested_at + interval '30 minutes' END,
    CASE state WHEN 'resolved' THEN repaired_at WHEN 'open' THEN requested_at + interval '8 hours' END
FROM troubles WHERE replay_id IS NOT NULL;
INSERT INTO callback_attempts (replay_id, attempt, nonce, started_at, finished_at, status, error, latency_ms, answer)
SELECT replay_id, attempt, 'n' || attempt, requested_at + interval '1 second' * attempt, requested_at + interval '1 second' * attempt,
    CASE WHEN state = 'open' AND attempt % 2 = 0 THEN NULL WHEN state = 'open' THEN 503 ELSE 200 END,
    CASE WHEN state = 'open' AND attempt % 2 = 0 THEN 'timed_out' END, 40 + incident % 400,
    CASE WHEN state = 'open' THEN 'no complete answer' ELSE '{"ok":true}' END
FROM troubles, generate_series(1, CASE state WHEN 'open' THEN 5 ELSE 1 END) AS attempt WHERE replay_id IS NOT NULL;
INSERT INTO alerts (id, incident_id, event_id, destination_id, kind, state, attempts, last_answer, created_at, finished_at)
SELECT pg_temp.id_at(at, kind || n), incident_id, id, destination_id, kind, CASE incident % 97 WHEN 0 THEN 'given_up' ELSE 'delivered' END,
    1, '250 2.0.0 Ok', at, at + interval '1 second'
FROM troubles CROSS JOIN LATERAL (VALUES ('incident_opened', judged_at), ('incident_resolved', repaired_at)) AS told (kind, at)
WHERE at IS NOT NULL;

INSERT INTO audit_entries (id, at, actor, action, project_id, event_id, detail)
SELECT pg_temp.id_at(at, action || n), at, actor, action, project_id, id, CASE action WHEN 'receipt.accepted'
        THEN jsonb_build_object('event_type', event_type, 'effect_type', effect_type) ELSE '{}' END
FROM events CROSS JOIN LATERAL (VALUES ('receipt.accepted', received_at),
    (CASE WHEN incident IS NULL THEN 'result.succeeded' ELSE 'result.failed' END, judged_at)) AS happened (action, at)
WHERE action = 'receipt.accepted' OR (effect <> 'pending' AND reason IS DISTINCT FROM 'missing_result') ORDER BY n;
INSERT INTO audit_entries (id, at, actor, action, project_id, event_id, incident_id, detail)
SELECT pg_temp.id_at(at, action || n || at), at, who, action, project_id, id, incident_id, detail
FROM troubles CROSS JOIN LATERAL (VALUES
    ('incident.opened', judged_at, 'system', jsonb_build_object('reason', reason)),
    ('alert.delivered', judged_at + interval '1 second', 'system',
        jsonb_build_object('alert', 'incident_opened', 'attempts', 1, 'destination_id', pg_temp.shown('dst_', destination_id))),
    ('incident.acknowledged', CASE WHEN state = 'acknowledged' OR incident % 2 = 0 THEN judged_at + interval '45 seconds' END, person, '{}'),
    ('reprocess.requested', CASE WHEN replay_id IS NOT NULL THEN requested_at END, person,
        jsonb_build_object('replay_id', pg_temp.shown('rpl_', replay_id))),
    (CASE state WHEN 'open' THEN 'callback.failed' ELSE 'callback.delivered' END,
        CASE WHEN replay_id IS NOT NULL THEN requested_at + interval '1 second' END, 'system',
        jsonb_build_object('replay_id', pg_temp.shown('rpl_', replay_id), 'attempt', 1)),
    ('result.succeeded', CASE WHEN resolution IN ('reprocessed', 'late_success') THEN repaired_at END, actor, '{}'),
    ('reprocess.succeeded', CASE resolution WHEN 'reprocessed' THEN repaired_at END, 'system',
        jsonb_build_object('replay_id', pg_temp.shown('rpl_', replay_id))),
    ('incident.resolved', repaired_at, CASE resolution WHEN 'manual' THEN person ELSE 'system' END,
        jsonb_build_object('resolution', resolution))
) AS happened (action, at, who, detail) WHERE at IS NOT NULL;
INSERT INTO audit_entries (id, at, actor, action, detail)
SELECT pg_temp.id_at(at, 'sign-in' || n), at, CASE n % 3 WHEN 0 THEN 'operator:alice@cometcart.test' ELSE 'operator:bob@cometcart.test' END,
    'operator.signed_in', '{}'
FROM (SELECT n, now() - history * (1 - n / 1000.0) AS at FROM sizes, generate_series(1, 1000) AS n) AS times;

-- The daily figures and the hours are added up again from here.
UPDATE roll_ups SET rolled_until = least(rolled_until, begun) FROM sizes WHERE name = 'daily_figures';
UPDATE roll_ups SET rolled_until = least(rolled_until, now() - interval '8 days') WHERE name = 'incident_hours';
DELETE FROM daily_figures;
DELETE FROM incident_hours;

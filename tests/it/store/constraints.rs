//! Constraints carry the rules, and their names are part of the code: duplicates are found by them.

use e2e::run;
use sqlx::AssertSqlSafe;

use super::shop::Shop;

/// Every key, check and reference, in order.
const NAMES: &str = "\
    alert_holds_destination_fkey alert_holds_pkey alert_holds_project_fkey alert_holds_reason_check
    alert_rules_come_back_check alert_rules_escalate_check alert_rules_pkey alert_rules_project_fkey
    alert_rules_quiet_check alert_rules_remind_check alerts_destination_fkey alerts_incident_fkey alerts_kind_check
    alerts_occasion_key alerts_pkey alerts_state_check api_heartbeats_only_one_check api_heartbeats_pkey
    api_keys_hash_key api_keys_label_check api_keys_pkey api_keys_project_fkey audit_chain_entry_key
    audit_chain_left_check audit_chain_pkey audit_entries_pkey audit_sealer_only_one_check audit_sealer_pkey
    audit_texts_erased_check audit_texts_pkey backfills_pkey bulk_reprocess_items_bulk_fkey
    bulk_reprocess_items_done_check bulk_reprocess_items_incident_fkey bulk_reprocess_items_pkey
    bulk_reprocess_items_replay_key bulk_reprocess_items_state_check bulk_reprocesses_action_check
    bulk_reprocesses_canary_check bulk_reprocesses_ended_check bulk_reprocesses_items_check
    bulk_reprocesses_pace_check bulk_reprocesses_pace_known_check bulk_reprocesses_pkey
    bulk_reprocesses_project_fkey bulk_reprocesses_started_check bulk_reprocesses_state_check
    bulk_reprocesses_stop_check callback_attempts_nonce_key callback_attempts_pkey callback_headers_name_check
    callback_headers_pkey callback_headers_project_fkey callback_headers_spelling_check cause_comments_pkey
    cause_comments_project_fkey cause_threads_cause_key cause_threads_destination_fkey cause_threads_pkey
    cause_threads_project_fkey cause_waits_pkey cause_waits_project_fkey claimed_early_results_pkey
    claimed_early_results_project_fkey daily_figures_pkey daily_figures_project_fkey declared_names_kind_check
    declared_names_name_check declared_names_pkey declared_names_project_fkey declared_names_provider_check
    destination_secrets_destination_fkey destination_secrets_pkey destinations_kind_check destinations_label_check
    destinations_pkey destinations_project_fkey destinations_queue_check destinations_sealed_check
    early_results_idempotency_key early_results_outcome_check early_results_pkey early_results_project_fkey
    environments_only_one_check environments_only_one_key environments_pkey erased_watches_erasure_fkey
    erased_watches_pkey erasures_done_check erasures_pkey erasures_project_fkey erasures_state_check
    erasures_tombstone_check escalation_steps_destination_fkey escalation_steps_destination_key
    escalation_steps_pkey escalation_steps_project_fkey escalation_steps_step_check event_identities_pkey
    event_keys_key_check event_keys_pkey expired_events_pkey extension_calls_answer_check
    extension_calls_answered_check extension_calls_extension_fkey extension_calls_occasion_key extension_calls_pkey
    extension_calls_point_check extensions_budget_check extensions_calls_check extensions_fallback_check
    extensions_heartbeat_check extensions_kind_check extensions_pkey extensions_point_check extensions_project_fkey
    extensions_queue_check extensions_reprocess_check extensions_target_check extensions_trust_check
    idempotency_keys_pkey incident_hours_pkey incident_hours_project_fkey incident_words_incident_fkey
    incident_words_pkey incidents_event_key incidents_grace_check
    incidents_owner_fkey incidents_pkey incidents_project_fkey incidents_reason_check incidents_resolution_check
    incidents_resolved_check incidents_state_check key_holders_keys_check key_holders_pkey
    key_versions_only_one_check key_versions_only_one_key maintenance_windows_ended_check
    maintenance_windows_length_check maintenance_windows_pkey maintenance_windows_project_fkey mentions_about_check
    mentions_incident_fkey mentions_operator_fkey mentions_pkey mentions_project_fkey mentions_state_check
    notices_destination_fkey notices_occasion_key notices_pkey notices_project_fkey notices_state_check
    operator_tokens_hash_key operator_tokens_label_check operator_tokens_operator_fkey operator_tokens_pkey
    operators_email_check operators_pkey operators_role_check operators_slack_user_check operators_view_mode_check outages_order_check
    outages_pkey outbox_pkey outbox_wish_check payment_events_amount_check payment_events_effect_check
    payment_events_pkey payment_events_project_fkey policy_plans_due_check policy_plans_pkey policy_stops_kind_check
    policy_stops_pkey policy_stops_project_fkey policy_stops_reason_check projects_expected_receipts_check
    projects_mode_check projects_name_check projects_pkey projects_retention_check projects_snapshot_days_check
    projects_timeout_check proof_links_incident_fkey proof_links_life_check proof_links_pkey
    proof_links_project_fkey proof_links_token_hash_key receipt_hours_pkey receipt_hours_project_fkey
    reference_keys_pkey reference_keys_project_fkey reminders_pkey reminders_project_fkey reminders_reason_check
    reprocess_policies_attempts_check reprocess_policies_customers_check reprocess_policies_delay_check
    reprocess_policies_failed_check reprocess_policies_of_check reprocess_policies_pkey
    reprocess_policies_project_fkey reprocess_policies_take_check reprocesses_incident_fkey reprocesses_pkey
    reprocesses_state_check results_outcome_check results_pkey retention_runs_error_check retention_runs_pkey
    roll_ups_pkey saved_filters_list_check saved_filters_owner_fkey saved_filters_pkey sessions_operator_fkey
    sessions_pkey sessions_token_hash_key sessions_user_agent_check
    sign_in_failures_failures_check sign_in_failures_pkey signing_secrets_pkey signing_secrets_project_fkey
    silences_measure_check silences_pkey silences_project_fkey silences_resumed_check slack_presses_destination_fkey slack_presses_pkey
    snapshot_keys_pkey
    snapshot_keys_project_fkey snapshot_purges_pkey snapshot_purges_project_fkey snapshot_purges_snapshots_check
    snoozes_end_check snoozes_ended_check snoozes_pkey snoozes_project_fkey snoozes_until_check watch_checks_pkey
    watch_probes_only_one_check watch_probes_outcome_check watch_probes_pkey watch_probes_reason_check
    worker_heartbeats_pkey
";

#[test]
fn every_constraint_has_the_name_that_it_was_given() {
    run(async {
        let shop = Shop::open().await;
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT conname::text FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
             WHERE n.nspname = 'public' AND contype IN ('p', 'u', 'c', 'f') AND conname <> '_sqlx_migrations_pkey'
             ORDER BY 1",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("names");
        let expected: Vec<_> = NAMES.split_whitespace().collect();
        assert_eq!(names, expected);
    });
}

#[test]
fn every_rule_rejects_by_its_name() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        shop.reprocess(event_id).await;
        for (constraint, sql) in BROKEN {
            let rejected = sqlx::query(AssertSqlSafe(sql)).execute(&shop.pool).await;
            let rejected = rejected.expect_err(constraint).into_database_error();
            let rejected = rejected.expect("a refusal by the database");
            assert_eq!(rejected.constraint(), Some(constraint), "{sql}: {rejected}");
        }
    });
}

/// A statement that breaks each rule, on a database with one event, incident and reprocess.
const BROKEN: [(&str, &str); 69] = [
    (
        "alert_rules_remind_check",
        "INSERT INTO alert_rules (project_id, remind_every) SELECT id, 4 FROM projects",
    ),
    (
        "escalation_steps_step_check",
        "INSERT INTO escalation_steps SELECT id, 4, gen_random_uuid() FROM projects",
    ),
    (
        "snoozes_until_check",
        "INSERT INTO snoozes (id, project_id, event_id, incident_id, snoozed_by)
        SELECT gen_random_uuid(), id, gen_random_uuid(), gen_random_uuid(), 'bob' FROM projects",
    ),
    (
        "snoozes_ended_check",
        "INSERT INTO snoozes (id, project_id, event_id, incident_id, snoozed_by, until, ended_by)
        SELECT gen_random_uuid(), id, gen_random_uuid(), gen_random_uuid(), 'bob', now(), 'time' FROM projects",
    ),
    (
        "alert_rules_quiet_check",
        "INSERT INTO alert_rules (project_id, quiet_hours) SELECT id, '22-7 UTC' FROM projects",
    ),
    (
        "maintenance_windows_length_check",
        "INSERT INTO maintenance_windows (id, project_id, started_by, ends_at)
        SELECT gen_random_uuid(), id, 'bob', now() + interval '8 days' FROM projects",
    ),
    (
        "maintenance_windows_ended_check",
        "INSERT INTO maintenance_windows (id, project_id, started_by, ends_at, ended_at)
        SELECT gen_random_uuid(), id, 'bob', now() + interval '1 day', now() FROM projects",
    ),
    (
        "extensions_heartbeat_check",
        "INSERT INTO extensions (id, project_id, point, kind, url, sealed, trust, created_by, heartbeat_seconds)
        SELECT gen_random_uuid(), id, 'after_failure', 'https', 'https://x.test', '\\x01', 'settle', 'bob', 5 FROM projects",
    ),
    (
        "extensions_queue_check",
        "INSERT INTO extensions (id, project_id, point, kind, activity, queue, trust, created_by)
        SELECT gen_random_uuid(), id, 'after_failure', 'activity', 'a', 'sendpromptly', 'settle', 'bob' FROM projects",
    ),
    (
        "extensions_target_check",
        "INSERT INTO extensions (id, project_id, point, kind, url, trust, created_by)
        SELECT gen_random_uuid(), id, 'after_failure', 'https', 'https://x.test', 'settle', 'bob' FROM projects",
    ),
    (
        "extensions_reprocess_check",
        "INSERT INTO extensions (id, project_id, point, kind, activity, queue, trust, created_by)
        SELECT gen_random_uuid(), id, 'reprocess', 'activity', 'a', 'sendpromptly-ext.a', 'settle', 'bob' FROM projects",
    ),
    (
        "extensions_target_key",
        "INSERT INTO extensions (id, project_id, point, kind, activity, queue, trust, created_by)
        SELECT gen_random_uuid(), id, 'after_failure', 'activity', 'a', 'sendpromptly-ext.a', 'settle', 'bob'
        FROM projects, generate_series(1, 2)",
    ),
    (
        "extension_calls_answered_check",
        "WITH one AS (INSERT INTO extensions (id, project_id, point, kind, activity, queue, trust, created_by)
            SELECT gen_random_uuid(), id, 'after_failure', 'activity', 'a', 'sendpromptly-ext.a', 'settle', 'bob'
            FROM projects RETURNING id)
        INSERT INTO extension_calls (id, event_id, extension_id, point, answer_by, answered_at)
        SELECT gen_random_uuid(), gen_random_uuid(), id, 'after_failure', now(), now() FROM one",
    ),
    (
        "callback_headers_name_check",
        "INSERT INTO callback_headers SELECT id, 'X-Key', 'X-Key', '' FROM projects",
    ),
    (
        "callback_headers_spelling_check",
        "INSERT INTO callback_headers SELECT id, 'x-key', 'X-Other', '' FROM projects",
    ),
    ("projects_name_check", "UPDATE projects SET name = ''"),
    ("projects_mode_check", "UPDATE projects SET mode = 'prod'"),
    ("projects_timeout_check", "UPDATE projects SET timeout_minutes = 0"),
    ("projects_timeout_check", "UPDATE projects SET timeout_minutes = 10081"),
    ("projects_expected_receipts_check", "UPDATE projects SET expected_receipts = '0h'"),
    ("projects_expected_receipts_check", "UPDATE projects SET expected_receipts = 'often'"),
    (
        "silences_measure_check",
        "INSERT INTO silences (id, project_id, since) SELECT gen_random_uuid(), id, now() FROM projects",
    ),
    (
        "silences_resumed_check",
        "INSERT INTO silences (id, project_id, since, expected_hours, resumed_at)
        SELECT gen_random_uuid(), id, now() - interval '1 hour', 1, now() FROM projects",
    ),
    ("api_keys_label_check", "UPDATE api_keys SET label = ''"),
    (
        "api_keys_hash_key",
        "INSERT INTO api_keys (id, project_id, label, hash, last_four)
        SELECT gen_random_uuid(), project_id, label, hash, last_four FROM api_keys",
    ),
    (
        "operators_email_check",
        "INSERT INTO operators VALUES (gen_random_uuid(), 'Bob@x.test', 'admin', '')",
    ),
    (
        "operators_role_check",
        "INSERT INTO operators VALUES (gen_random_uuid(), 'bob@x.test', 'root', '')",
    ),
    (
        "operators_email_key",
        "INSERT INTO operators SELECT gen_random_uuid(), 'bob@x.test', 'admin', '' FROM generate_series(1, 2)",
    ),
    (
        "sessions_operator_fkey",
        "INSERT INTO sessions (id, operator_id, token_hash, expires_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), '', now())",
    ),
    (
        "operator_tokens_label_check",
        "INSERT INTO operator_tokens (id, operator_id, label, hash, last_four)
        VALUES (gen_random_uuid(), gen_random_uuid(), '', '', '')",
    ),
    (
        "proof_links_life_check",
        "INSERT INTO proof_links (id, incident_id, project_id, event_id, token_hash, created_by, expires_at)
        SELECT gen_random_uuid(), id, project_id, event_id, '', 'charlie', now() + interval '367 days' FROM incidents",
    ),
    (
        "sign_in_failures_failures_check",
        "INSERT INTO sign_in_failures (email_hash, failures, first_failed_at) VALUES ('', 0, now())",
    ),
    ("payment_events_effect_check", "UPDATE payment_events SET effect = 'done'"),
    ("payment_events_amount_check", "UPDATE payment_events SET amount_value = 1"),
    ("payment_events_amount_check", "UPDATE payment_events SET amount_currency = 'USD'"),
    (
        "payment_events_amount_check",
        "UPDATE payment_events SET amount_value = -1, amount_currency = 'USD'",
    ),
    ("event_identities_pkey", "INSERT INTO event_identities SELECT * FROM event_identities"),
    (
        "incidents_event_key",
        "INSERT INTO incidents (id, event_id, project_id, reason)
        SELECT gen_random_uuid(), event_id, project_id, reason FROM incidents",
    ),
    ("incidents_state_check", "UPDATE incidents SET state = 'closed'"),
    ("incidents_reason_check", "UPDATE incidents SET reason = 'none'"),
    ("incidents_resolved_check", "UPDATE incidents SET state = 'resolved'"),
    ("incidents_resolved_check", "UPDATE incidents SET resolution = 'manual', resolved_at = now()"),
    (
        "reprocesses_running_key",
        "INSERT INTO reprocesses (id, incident_id, event_id, requested_by, body)
        SELECT gen_random_uuid(), incident_id, event_id, 'charlie', body FROM reprocesses",
    ),
    ("reprocesses_state_check", "UPDATE reprocesses SET state = 'lost'"),
    (
        "destinations_address_key",
        "INSERT INTO destinations (id, project_id, kind, address)
        SELECT gen_random_uuid(), project_id, kind, upper(address) FROM destinations",
    ),
    ("destinations_sealed_check", "UPDATE destinations SET kind = 'slack'"),
    ("destinations_sealed_check", "UPDATE destinations SET kind = 'webhook'"),
    ("destinations_kind_check", "UPDATE destinations SET kind = 'pager', sealed = 'x'"),
    (
        "alerts_occasion_key",
        "INSERT INTO alerts (id, incident_id, event_id, destination_id, kind)
        SELECT gen_random_uuid(), incident_id, event_id, destination_id, kind FROM alerts",
    ),
    ("reprocesses_incident_fkey", "UPDATE reprocesses SET incident_id = gen_random_uuid()"),
    ("outbox_wish_check", "UPDATE outbox SET wish = 'forget'"),
    ("projects_snapshot_days_check", "UPDATE projects SET snapshot_days = 91"),
    ("projects_snapshot_days_check", "UPDATE projects SET snapshot_days = 0"),
    (
        "snapshot_keys_pkey",
        "INSERT INTO snapshot_keys (project_id, sealed) SELECT id, '' FROM projects, generate_series(1, 2)",
    ),
    (
        "snapshot_keys_project_fkey",
        "INSERT INTO snapshot_keys (project_id, sealed) VALUES (gen_random_uuid(), '')",
    ),
    (
        "reference_keys_pkey",
        "INSERT INTO reference_keys (project_id, sealed) SELECT id, '' FROM projects, generate_series(1, 2)",
    ),
    (
        "reference_keys_project_fkey",
        "INSERT INTO reference_keys (project_id, sealed) VALUES (gen_random_uuid(), '')",
    ),
    (
        "erasures_running_key",
        "INSERT INTO erasures (id, project_id, customer, tombstone, reference, requested_by)
        SELECT gen_random_uuid(), id, id, 'erased:00000000000000000000000001', 'user_1', 'bob'
        FROM projects, generate_series(1, 2)",
    ),
    (
        "erasures_done_check",
        "INSERT INTO erasures (id, project_id, customer, tombstone, requested_by)
        SELECT gen_random_uuid(), id, id, 'erased:00000000000000000000000001', 'bob' FROM projects",
    ),
    (
        "erasures_tombstone_check",
        "INSERT INTO erasures (id, project_id, customer, tombstone, reference, requested_by)
        SELECT gen_random_uuid(), id, id, 'user_1', 'user_1', 'bob' FROM projects",
    ),
    (
        "erasures_state_check",
        "INSERT INTO erasures (id, project_id, customer, tombstone, reference, requested_by, state)
        SELECT gen_random_uuid(), id, id, 'erased:00000000000000000000000001', 'user_1', 'bob', 'open' FROM projects",
    ),
    (
        "erased_watches_erasure_fkey",
        "INSERT INTO erased_watches (event_id, erasure_id) VALUES (gen_random_uuid(), gen_random_uuid())",
    ),
    (
        "snapshot_purges_pkey",
        "INSERT INTO snapshot_purges (project_id, day, snapshots)
        SELECT id, '2026-11-29', 1 FROM projects, generate_series(1, 2)",
    ),
    (
        "snapshot_purges_project_fkey",
        "INSERT INTO snapshot_purges (project_id, day, snapshots) VALUES (gen_random_uuid(), '2026-11-29', 1)",
    ),
    (
        "snapshot_purges_snapshots_check",
        "INSERT INTO snapshot_purges (project_id, day, snapshots) SELECT id, '2026-11-29', 0 FROM projects",
    ),
    (
        "saved_filters_owner_fkey",
        "INSERT INTO saved_filters (id, owner, list, name, filter, shared)
        VALUES (gen_random_uuid(), gen_random_uuid(), 'events', 'Late', '{}', false)",
    ),
    (
        "saved_filters_list_check",
        "INSERT INTO saved_filters (id, owner, list, name, filter, shared)
        VALUES (gen_random_uuid(), gen_random_uuid(), 'projects', 'Late', '{}', false)",
    ),
    (
        "saved_filters_own_key",
        "INSERT INTO saved_filters (id, owner, list, name, filter, shared)
        SELECT gen_random_uuid(), id, 'events', 'Late', '{}', false FROM projects, generate_series(1, 2)",
    ),
    (
        "saved_filters_shared_key",
        "INSERT INTO saved_filters (id, owner, list, name, filter, shared)
        SELECT gen_random_uuid(), id, 'events', 'Late', '{}', true FROM projects, generate_series(1, 2)",
    ),
];

//! What an erasure does to each column that can hold a text. The list is held against the schema by a test: whoever
//! adds a column says here whether it can hold anything of a customer.

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The customer's rows are overwritten or emptied.
    Overwritten,
    /// The customer's rows are deleted.
    Deleted,
    /// About more than one customer: where it names this one, the tombstone stands instead.
    Masked,
    /// An id, a state, a name or a secret of ours, the team's or the provider's: nothing of a customer.
    Kept,
}

/// Each column of text, JSON or bytes.
pub const COLUMNS: &[(&str, &[(&str, Fate)])] = {
    use Fate::{Deleted, Kept, Masked, Overwritten};
    &[
        ("alert_holds", &[("reason", Kept)]),
        ("alert_rules", &[("quiet_hours", Kept)]),
        (
            "alerts",
            &[("kind", Kept), ("state", Kept), ("last_answer", Overwritten), ("posted", Kept)],
        ),
        ("api_keys", &[("label", Kept), ("hash", Kept), ("last_four", Kept)]),
        ("audit_chain", &[("digest", Kept), ("hash", Kept)]),
        ("audit_entries", &[("actor", Kept), ("action", Kept), ("detail", Kept)]),
        ("audit_texts", &[("text", Overwritten), ("salt", Overwritten), ("commitment", Kept)]),
        ("backfills", &[("name", Kept)]),
        ("bulk_reprocess_items", &[("state", Kept), ("why", Kept)]),
        (
            "bulk_reprocesses",
            &[
                ("state", Kept),
                ("requested_by", Kept),
                ("note", Masked),
                ("why", Kept),
                ("action", Kept),
            ],
        ),
        (
            "callback_attempts",
            &[
                ("nonce", Kept),
                ("error", Kept),
                ("answer", Overwritten),
                ("redirect_to", Overwritten),
            ],
        ),
        ("callback_headers", &[("name", Kept), ("spelling", Kept), ("sealed", Kept)]),
        ("cause_threads", &[("root_kind", Kept)]),
        (
            "claimed_early_results",
            &[
                ("provider", Deleted),
                ("provider_event_id", Deleted),
                ("shopify_shop_domain", Deleted),
                ("event_type", Deleted),
                ("effect_type", Deleted),
                ("internal_reference", Deleted),
                ("effect_key", Deleted),
                ("idempotency_key", Deleted),
                ("outcome", Deleted),
            ],
        ),
        ("daily_figures", &[("event_type", Kept), ("detect_ms", Kept), ("repair_ms", Kept)]),
        ("declared_names", &[("kind", Kept), ("provider", Kept), ("name", Kept)]),
        ("destination_secrets", &[("sealed", Kept)]),
        (
            "destinations",
            &[
                ("kind", Kept),
                ("address", Kept),
                ("sealed", Kept),
                ("label", Kept),
                ("queue", Kept),
                ("last_failure", Masked),
            ],
        ),
        (
            "early_results",
            &[
                ("idempotency_key", Deleted),
                ("request_hash", Deleted),
                ("provider", Deleted),
                ("provider_event_id", Deleted),
                ("effect_type", Deleted),
                ("outcome", Deleted),
                ("error_code", Deleted),
                ("error_message", Deleted),
                ("fingerprint", Deleted),
                ("shopify_shop_domain", Deleted),
                ("event_type", Deleted),
                ("internal_reference", Deleted),
                ("effect_key", Deleted),
            ],
        ),
        ("environments", &[("retention_paused", Kept)]),
        (
            "erasures",
            &[
                ("tombstone", Kept),
                ("reference", Overwritten),
                ("state", Kept),
                ("requested_by", Kept),
                ("last_route", Kept),
                ("last_key", Overwritten),
                ("erased", Kept),
            ],
        ),
        (
            "event_identities",
            &[("provider", Kept), ("provider_event_id", Kept), ("effect_type", Kept)],
        ),
        ("event_keys", &[("key", Overwritten)]),
        (
            "extension_calls",
            &[
                ("point", Kept),
                ("answer", Overwritten),
                ("why", Kept),
                ("error_type", Kept),
                ("outcome", Kept),
            ],
        ),
        (
            "extensions",
            &[
                ("point", Kept),
                ("kind", Kept),
                ("activity", Kept),
                ("queue", Kept),
                ("url", Kept),
                ("sealed", Kept),
                ("trust", Kept),
                ("fallback", Kept),
                ("created_by", Kept),
            ],
        ),
        (
            "idempotency_keys",
            &[
                ("route", Deleted),
                ("key", Deleted),
                ("request_hash", Deleted),
                ("body", Deleted),
                ("fingerprint", Deleted),
                ("scope", Deleted),
            ],
        ),
        (
            "incidents",
            &[
                ("state", Kept),
                ("reason", Kept),
                ("error_code", Kept),
                ("error_message", Overwritten),
                ("resolution", Kept),
                ("resolution_note", Overwritten),
                ("event_type", Kept),
                ("effect_type", Kept),
                ("provider_event_id", Kept),
                ("internal_reference", Overwritten),
                ("cause_code", Kept),
                ("amount_currency", Kept),
            ],
        ),
        ("incident_words", &[("word", Overwritten)]),
        ("key_holders", &[("process", Kept), ("release", Kept), ("keys", Kept)]),
        ("mentions", &[("state", Kept)]),
        ("maintenance_windows", &[("reason", Masked), ("started_by", Kept), ("ended_by", Kept)]),
        ("notices", &[("state", Kept), ("last_answer", Masked), ("kind", Kept)]),
        ("operator_tokens", &[("label", Kept), ("hash", Kept), ("last_four", Kept)]),
        (
            "operators",
            &[
                ("email", Kept),
                ("role", Kept),
                ("password_hash", Kept),
                ("view_mode", Kept),
                ("slack_user_id", Kept),
            ],
        ),
        ("outbox", &[("wish", Kept), ("payload", Kept), ("last_error", Overwritten)]),
        (
            "payment_events",
            &[
                ("provider", Kept),
                ("provider_event_id", Kept),
                ("event_type", Kept),
                ("effect_type", Kept),
                ("internal_reference", Overwritten),
                ("shopify_shop_domain", Kept),
                ("snapshot", Overwritten),
                ("effect", Kept),
                ("effect_key", Kept),
                ("trace_parent", Kept),
                ("amount_currency", Kept),
            ],
        ),
        (
            "policy_stops",
            &[
                ("effect_type", Kept),
                ("event_type", Kept),
                ("reason", Kept),
                ("error_code", Kept),
                ("kind", Kept),
            ],
        ),
        (
            "projects",
            &[("name", Kept), ("mode", Kept), ("repair_url", Kept), ("expected_receipts", Kept)],
        ),
        ("proof_links", &[("token_hash", Kept), ("created_by", Kept)]),
        ("receipt_hours", &[("event_type", Kept)]),
        ("reference_keys", &[("sealed", Kept)]),
        ("reminders", &[("reason", Kept)]),
        ("reprocess_policies", &[("effect_type", Kept)]),
        (
            "reprocesses",
            &[
                ("state", Kept),
                ("requested_by", Kept),
                ("note", Overwritten),
                ("body", Overwritten),
            ],
        ),
        ("results", &[("outcome", Kept), ("error_code", Kept), ("error_message", Overwritten)]),
        ("retention_runs", &[("rule", Kept), ("started_by", Kept), ("error", Kept)]),
        ("roll_ups", &[("name", Kept)]),
        // One whose search or name is about the customer is deleted.
        ("saved_filters", &[("list", Kept), ("name", Deleted), ("filter", Deleted)]),
        ("sessions", &[("token_hash", Kept), ("user_agent", Kept), ("flash", Kept)]),
        ("sign_in_failures", &[("email_hash", Kept)]),
        ("signing_secrets", &[("sealed", Kept)]),
        ("silences", &[("event_type", Kept)]),
        ("slack_presses", &[("user_id", Kept), ("pressed_at", Kept)]),
        ("snapshot_keys", &[("sealed", Kept)]),
        ("watch_probes", &[("outcome", Kept), ("reason", Kept)]),
        ("worker_heartbeats", &[("namespace", Kept), ("task_queue", Kept), ("release", Kept)]),
        ("snoozes", &[("snoozed_by", Kept), ("ended_by", Kept)]),
    ]
};

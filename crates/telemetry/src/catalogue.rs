//! Every metric of the product, by its name for good.
//!
//! What the SDK of Temporal measures is joined in under [`SDK_PREFIX`] and is not listed here: its
//! names are the SDK's, and appear as things happen.

/// What the metrics of Temporal's SDK begin with, in front of the SDK's own name.
pub const SDK_PREFIX: &str = "sendpromptly_temporal_";

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// How much there is now.
    Gauge,
    /// How long things took, in buckets of seconds.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name for good.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What it says, as Prometheus shows it.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident: $kind:ident = $name:literal, $help:literal;)*) => {
        /// The names.
        pub mod name {
            $(#[doc = $help] pub const $constant: &str = $name;)*
        }

        /// All of them.
        pub const METRICS: &[Metric] =
            &[$(Metric { name: $name, kind: Kind::$kind, help: $help },)*];
    };
}

metrics! {
    BUILD: Gauge = "sendpromptly_build_info", "Always 1; the label is the version of the program";
    STARTED: Gauge = "sendpromptly_process_start_time_seconds", "When this process started, in Unix seconds by its own clock";
    CHECK: Gauge = "sendpromptly_check_ok", "1 while this check of /readyz is ok, else 0";
    CHECK_STATUS: Gauge = "sendpromptly_check_status", "1 for the status that this check of /readyz has, 0 for the others";
    REQUESTS: Counter = "sendpromptly_http_requests_total", "Requests that were responded to";
    REQUEST_SECONDS: Histogram = "sendpromptly_http_request_duration_seconds", "Time from a request's headers to its response";
    CALLS: Counter = "sendpromptly_calls_total", "Receipts and results, by what became of them";
    REJECTIONS: Counter = "sendpromptly_call_rejections_total", "Receipts and results that were rejected, by the code of the response";
    CLOCK: Gauge = "sendpromptly_clock_offset_seconds", "How far the clock of this process is ahead of the database's; negative where it is behind";
    OVERDUE: Gauge = "sendpromptly_overdue_events", "Pending events whose deadline passed more than two minutes ago; counted up to 1000";
    DEADLINE_LAG: Gauge = "sendpromptly_deadline_lag_seconds", "How long ago the earliest of these deadlines was, else 0";
    PENDING: Gauge = "sendpromptly_pending_events", "Events that wait for their result, by the age of their receipt; of the 5000 with the earliest deadlines";
    OPEN_INCIDENTS: Gauge = "sendpromptly_open_incidents", "Incidents that are not resolved";
    OUTBOX_WAITING: Gauge = "sendpromptly_outbox_waiting_messages", "Messages that wait for Temporal, by kind; of the 5000 most urgent";
    OUTBOX_AGE: Gauge = "sendpromptly_outbox_oldest_age_seconds", "The age of the oldest message that waits for Temporal";
    OUTBOX_NEEDED: Gauge = "sendpromptly_outbox_needed_age_seconds", "For how long a message has waited that Temporal should have, else 0";
    OUTBOX_PARKED: Gauge = "sendpromptly_outbox_parked_messages", "Messages set aside because Temporal rejects them; counted up to 1000";
    PARKED: Counter = "sendpromptly_outbox_parked_total", "Messages that this process has set aside";
    DISPATCH_SECONDS: Histogram = "sendpromptly_outbox_dispatch_duration_seconds", "Time to bring one event's messages to Temporal, or to fail to";
    DISPATCH_FAILURES: Counter = "sendpromptly_outbox_dispatch_failures_total", "Messages that could not be brought to Temporal, by the cause";
    BACKLOG: Gauge = "sendpromptly_backlog_tasks", "Tasks that wait in Temporal for a worker, about";
    BACKLOG_AGE: Gauge = "sendpromptly_backlog_oldest_age_seconds", "How long the oldest of these tasks has waited";
    BROKEN_DESTINATIONS: Gauge = "sendpromptly_broken_destinations", "Destinations that have stopped taking messages";
    FAILING_DESTINATIONS: Gauge = "sendpromptly_failing_destinations", "Destinations that keep failing and are tried again";
    FAILING_FOR: Gauge = "sendpromptly_destination_failing_seconds", "For how long failing and broken destinations of this kind and project have taken nothing, the one that fails for longest; else 0";
    ALERT_ATTEMPTS: Counter = "sendpromptly_alert_attempts_total", "Attempts at alerts and other messages to destinations, by how they ended";
    ALERTS_FOLDED: Counter = "sendpromptly_alerts_folded_total", "Alerts that a message about their cause stands for";
    ALERT_SECONDS: Histogram = "sendpromptly_alert_attempt_duration_seconds", "Time of one attempt at an alert or another message to a destination";
    CALLBACK_ATTEMPTS: Counter = "sendpromptly_callback_attempts_total", "Attempts at callbacks, by how they ended";
    CALLBACK_SECONDS: Histogram = "sendpromptly_callback_attempt_duration_seconds", "Time of one attempt at a callback";
    SEALED: Gauge = "sendpromptly_sealed_values", "Sealed values but snapshots, by the id of the master key that sealed them and their table";
    PROBES: Counter = "sendpromptly_dead_man_probes_total", "Probes for the dead-man URL, by how they ended";
    DEAD_MAN_CALLED: Gauge = "sendpromptly_dead_man_last_call_timestamp_seconds", "When the service behind the dead-man URL last took a call; NaN where no URL is set";
    RETENTION_ROWS: Counter = "sendpromptly_retention_deleted_rows_total", "Rows that retention has deleted in this process, by rule";
    RETENTION_SUCCESS: Gauge = "sendpromptly_retention_last_success_timestamp_seconds", "When a rule of retention last came to its end; NaN before the first time";
    AUDIT_LINKS: Gauge = "sendpromptly_audit_chain_links", "Links of the chains beside the audit, of all projects together";
    AUDIT_HEAD: Gauge = "sendpromptly_audit_chain_head", "The number of the last link of the chain beside the audit, by project";
    AUDIT_WAITING: Gauge = "sendpromptly_audit_chain_waiting_seconds", "How long the oldest entry of the audit has waited for its link, else 0";
    OUTAGES: Gauge = "sendpromptly_outages", "Outages of the API that were noted in the last 90 days";
    OUTAGE_SECONDS: Gauge = "sendpromptly_outages_duration_seconds", "How long these outages were together";
    OUTAGE_GRACE: Gauge = "sendpromptly_outage_grace_seconds", "For how much longer deadlines wait because of an outage of the API, at most; else 0";
    API_AWAY: Gauge = "sendpromptly_api_away_seconds", "For how long no API has taken requests; 0 while one does";
    RECEIPTS_SILENT: Gauge = "sendpromptly_receipts_silent", "Flows of receipts that are silent though some are expected, by project";
    CONNECTIONS: Gauge = "sendpromptly_database_connections", "Connections to Postgres that this process holds";
    MOST_CONNECTIONS: Gauge = "sendpromptly_database_connections_max", "Connections to Postgres that this process may hold";
    CONNECTIONS_LOST: Counter = "sendpromptly_database_connections_lost_total", "Connections to Postgres that were found broken";
    CONNECTION_WAITERS: Gauge = "sendpromptly_database_connection_waiters", "Callers that wait for a connection to Postgres now";
    CONNECTION_WAITS: Counter = "sendpromptly_database_connection_waits_total", "Callers that have had to wait for a connection to Postgres";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len(), "a name is there twice");
        for Metric { name, kind, .. } in METRICS {
            assert!(name.starts_with("sendpromptly_"), "{name}");
            assert!(!name.starts_with(SDK_PREFIX), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(*kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
        }
    }
}

//! The address where Prometheus and probes look at a process: `/metrics`, `/healthz`, `/readyz`.
//!
//! It is not where apps and people go, so nothing here asks for a key; it shows counts, ages and ids
//! of projects, no secret and no address. A port that is taken stops nothing else: the log says so,
//! and it is tried again until it is free. What the database knows is asked when someone looks, at
//! most every five seconds and for at most two; where it does not respond, gauges are `NaN`, and
//! `sendpromptly_check_ok` says that it is away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, http::StatusCode};
use domain::destination::DestinationKind;
use domain::ids::ProjectId;
use domain::incident::Reason;
use domain::outbox::OutboxKind;
use domain::retention::Rule;
use engine::Monitor;
use engine::health::Status;
use store::audit_chain::{Head, find_waiting, list_heads};
use store::gauges::{
    FailingDestinations, SilentFlows, count_outages, count_pending_by_age, count_silences,
    count_waiting_by_kind, list_failing_destinations,
};
use store::health::{read_clock_offset, read_work};
use store::pool::PoolUsage;
use store::retention::runs::list_successes;
use store::search::incidents::count_unresolved_by_reason;
use store::watch_probes;
use store::{PgPool, StoreError, sealed_values};
use telemetry::catalogue::name;
use telemetry::{Connections, Exposition};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::{interval, sleep, timeout};

/// How long what was asked for a reader holds for the next one.
const MEMORY: Duration = Duration::from_secs(5);
/// How long the database may take to respond.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How often values are put into their buckets, whether someone looks or not.
const TIDY_EVERY: Duration = Duration::from_secs(5);
/// How often a port that is taken is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// What a process does, and so when it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Takes receipts: ready while it can.
    Api,
    /// Runs watches: ready while it can.
    Worker,
}

/// What a reader is shown.
pub(crate) struct Observed {
    pub(crate) part: Part,
    pub(crate) exposition: Exposition,
    pub(crate) health: Monitor,
    /// Where health and gauges are asked.
    pub(crate) pool: PgPool,
    /// Every pool of the process by its name.
    pub(crate) pools: [(&'static str, PgPool); 2],
    pub(crate) asked_at: Mutex<Option<Instant>>,
}

impl Observed {
    /// Every path.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(api::health::healthz))
            .route("/readyz", get(readyz))
            .with_state(self)
    }

    /// Asks what is only known when asked, unless another reader just did.
    async fn refresh(&self) {
        let mut asked_at = self.asked_at.lock().await;
        if asked_at.is_some_and(|at| at.elapsed() < MEMORY) {
            return;
        }
        // Checks ask so many things that they would swell every future that holds them.
        let checks = Box::pin(self.health.report());
        let (report, ..) = tokio::join!(
            checks,
            self.ask_work(),
            self.ask_clock(),
            self.ask_waiting(),
            self.ask_incidents(),
            self.ask_sealed(),
            self.ask_dead_man(),
            self.ask_outages(),
            self.ask_silences(),
            self.ask_retention(),
            self.ask_audit()
        );
        for check in &report.checks {
            telemetry::check(check.name, check.status == Status::Ok);
            for status in Status::ALL {
                telemetry::check_status(check.name, status.as_str(), status == check.status);
            }
        }
        let backlog = self.health.backlog();
        for (task, waiting) in [
            ("workflow", backlog.map(|backlog| backlog.watches)),
            ("activity", backlog.map(|backlog| backlog.activities)),
        ] {
            telemetry::backlog(task, waiting.map(|waiting| (waiting.tasks, waiting.oldest)));
        }
        *asked_at = Some(Instant::now());
    }

    async fn ask_work(&self) {
        let work = in_time(read_work(&self.pool)).await;
        let age = |seconds: Option<i64>| seconds.unwrap_or_default().max(0);
        for (name, value) in [
            (name::OVERDUE, work.map(|work| work.overdue_events)),
            (name::DEADLINE_LAG, work.map(|work| age(work.overdue_for))),
            (name::OUTBOX_AGE, work.map(|work| age(work.waiting_for))),
            (name::OUTBOX_NEEDED, work.map(|work| age(work.needed_for))),
            (name::OUTBOX_PARKED, work.map(|work| work.parked)),
            (name::BROKEN_DESTINATIONS, work.map(|work| work.broken_destinations)),
            (name::FAILING_DESTINATIONS, work.map(|work| work.failing_destinations)),
        ] {
            telemetry::set(name, value);
        }
    }

    async fn ask_clock(&self) {
        telemetry::set(name::CLOCK, in_time(read_clock_offset(&self.pool)).await);
    }

    async fn ask_waiting(&self) {
        let found = in_time(async {
            let ages = count_pending_by_age(&self.pool).await?;
            Ok((ages, count_waiting_by_kind(&self.pool).await?))
        })
        .await;
        let ages = found.as_ref().map(|(ages, _)| *ages);
        for (age, events) in [
            ("under_5m", ages.map(|ages| ages.under_5m)),
            ("under_1h", ages.map(|ages| ages.under_1h)),
            ("under_1d", ages.map(|ages| ages.under_1d)),
            ("older", ages.map(|ages| ages.older)),
        ] {
            telemetry::set_of(name::PENDING, "age", age, events);
        }
        let waiting = |kind: &OutboxKind| {
            let (_, waiting) = found.as_ref()?;
            waiting.iter().find(|(found, _)| found == kind).map(|(_, waiting)| *waiting)
        };
        for kind in OutboxKind::ALL {
            telemetry::set_of(name::OUTBOX_WAITING, "kind", kind.as_str(), waiting(kind));
        }
    }

    /// Where no dead-man URL is set, what is left of an earlier one says nothing.
    async fn ask_dead_man(&self) {
        let called_at = if self.health.has_dead_man() {
            in_time(watch_probes::find(&self.pool)).await.and_then(|seen| seen.called_at)
        } else {
            None
        };
        telemetry::set(name::DEAD_MAN_CALLED, called_at.map(OffsetDateTime::unix_timestamp));
    }

    async fn ask_outages(&self) {
        let noted = in_time(count_outages(&self.pool)).await;
        telemetry::set(name::OUTAGES, noted.map(|noted| noted.outages));
        telemetry::set(name::OUTAGE_SECONDS, noted.map(|noted| noted.seconds));
        telemetry::set(name::OUTAGE_GRACE, noted.map(|noted| noted.grace));
        telemetry::set(name::API_AWAY, noted.map(|noted| noted.away));
    }

    async fn ask_retention(&self) {
        let successes = in_time(list_successes(&self.pool)).await;
        for rule in Rule::ALL {
            let last = successes.iter().flatten().find(|one| one.rule == *rule);
            let at = last.and_then(|one| one.succeeded_at).map(OffsetDateTime::unix_timestamp);
            telemetry::set_of(name::RETENTION_SUCCESS, "rule", rule.as_str(), at);
        }
    }

    async fn ask_audit(&self) {
        let found = in_time(async {
            let heads = list_heads(&self.pool).await?;
            Ok((heads, find_waiting(&self.pool).await?))
        })
        .await;
        let links = found.as_ref().map(|(heads, _)| heads.iter().map(|head| head.sequence).sum());
        telemetry::set(name::AUDIT_LINKS, links);
        let waiting = found.as_ref().map(|(_, waiting)| waiting.unwrap_or_default().max(0));
        telemetry::set(name::AUDIT_WAITING, waiting);
        let end = |head: Head| {
            let project = head.project_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
            (project, head.sequence)
        };
        telemetry::audit_heads(found.map(|(heads, _)| heads.into_iter().map(end)));
    }

    async fn ask_silences(&self) {
        let counts = in_time(count_silences(&self.pool)).await;
        let flows = |one: SilentFlows| {
            let project = one.project_id.to_string();
            [(project.clone(), "project", one.whole), (project, "event_type", one.event_types)]
        };
        telemetry::silent_receipts(counts.map(|counts| counts.into_iter().flat_map(flows)));
    }

    async fn ask_incidents(&self) {
        let failing = in_time(list_failing_destinations(&self.pool)).await;
        let seconds = |one: FailingDestinations| {
            let kind: DestinationKind = one.kind.parse().ok()?;
            Some((one.project_id.to_string(), kind.as_str(), one.seconds))
        };
        telemetry::failing_destinations(failing.map(|all| all.into_iter().filter_map(seconds)));
        let counts = in_time(count_unresolved_by_reason(&self.pool)).await;
        let count = |(project, reason, n): (ProjectId, Reason, i64)| {
            (project.to_string(), reason.as_str(), n)
        };
        telemetry::open_incidents(counts.map(|counts| counts.into_iter().map(count)));
    }

    async fn ask_sealed(&self) {
        let counts = in_time(sealed_values::count(&self.pool, false)).await;
        let values = |count: sealed_values::SealedCount| {
            let key = count.head.map_or("unreadable".to_owned(), |head| head.key.to_string());
            (key, count.column.table(), count.values)
        };
        telemetry::sealed_values(counts.map(|counts| counts.into_iter().map(values)));
    }

    /// Costs nothing, so it is asked each time.
    fn count_connections(&self) {
        for (name, pool) in &self.pools {
            let PoolUsage { idle, open, most, waiting, waits, lost } = pool.usage();
            telemetry::connections(name, Connections { idle, open, most, waiting, waits, lost });
        }
    }
}

/// What the database says, where it responds in time.
async fn in_time<T>(asking: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    timeout(TIMEOUT, asking).await.ok().and_then(Result::ok)
}

async fn metrics(State(observed): State<Arc<Observed>>) -> impl IntoResponse {
    observed.refresh().await;
    observed.count_connections();
    let form = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, form)], observed.exposition.render())
}

async fn readyz(
    State(observed): State<Arc<Observed>>,
) -> (StatusCode, axum::Json<api::health::Readiness>) {
    let report = observed.health.report().await;
    let is_ready = match observed.part {
        Part::Api => report.accepts_receipts(),
        Part::Worker => report.runs_watches(),
    };
    api::health::respond(report, is_ready)
}

/// Keeps values from gathering in memory where nobody looks.
pub(crate) async fn tidy(exposition: Exposition) {
    let mut ticks = interval(TIDY_EVERY);
    loop {
        ticks.tick().await;
        exposition.tidy();
    }
}

/// Listens as soon as the port is free.
pub(crate) async fn bind(listen: SocketAddr) -> TcpListener {
    let mut said = false;
    loop {
        match TcpListener::bind(listen).await {
            Ok(listener) => {
                tracing::info!(%listen, "showing metrics and health");
                return listener;
            }
            Err(error) if !said => tracing::warn!(
                %listen,
                %error,
                "cannot show metrics and health here; trying again, and SENDPROMPTLY_METRICS_LISTEN \
                 names another address"
            ),
            Err(error) => tracing::debug!(%listen, %error, "still cannot show metrics and health"),
        }
        said = true;
        sleep(TRY_AGAIN).await;
    }
}

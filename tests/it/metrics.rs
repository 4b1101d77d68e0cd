//! What Prometheus and probes see of a process: every metric that `docs/metrics.md` lists, and no
//! other; health of a worker too; and nothing that stops a service when its port is taken.
//!
//! The programs run as processes of their own, with a Temporal of their own.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::EventId;
use e2e::binary::Part;
use e2e::temporal::trigger_retention;
use e2e::world::receipt;
use e2e::{World, WorldOptions, eventually, run};
use engine::audit_chain::Sealer;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::audit_chain::list_heads;
use telemetry::catalogue::{Kind, METRICS, SDK_PREFIX};
use workflows::names::TASK_QUEUE;

const LISTED: &str = include_str!("../../docs/metrics.md");
/// What is built on the metrics.
const READY_MADE: [&str; 3] = [
    include_str!("../../monitoring/alerts.yml"),
    include_str!("../../monitoring/alerts_test.yml"),
    include_str!("../../monitoring/dashboard.json"),
];
const LISTEN: &str = "SENDPROMPTLY_METRICS_LISTEN";
const DEAD_MAN: &str = "SENDPROMPTLY_DEAD_MAN_URL";

/// A process whose metrics are read.
struct Shown {
    _part: Part,
    log: e2e::binary::Log,
    url: String,
}

impl Shown {
    fn start(world: &World, part: &str) -> Self {
        Self::start_at(world, part, &format!("127.0.0.1:{}", free_port()))
    }

    fn start_at(world: &World, part: &str, listen: &str) -> Self {
        let settings = [(LISTEN, listen), (DEAD_MAN, world.repair.url())];
        let (part, log) = world.spawn_logged(part, &settings).expect("a process");
        Self { _part: part, log, url: format!("http://{listen}") }
    }

    async fn get(&self, world: &World, path: &str) -> Option<(u16, String)> {
        let response = world.http.get(format!("{}{path}", self.url)).send().await.ok()?;
        Some((response.status().as_u16(), response.text().await.ok()?))
    }

    async fn metrics(&self, world: &World) -> Option<String> {
        self.get(world, "/metrics").await.map(|(status, text)| {
            assert_eq!(status, 200, "{text}");
            text
        })
    }

    /// Waits until a line is there.
    async fn shows(&self, world: &World, line: &str) {
        eventually(&format!("{line} in {}", self.url), async || {
            let text = self.metrics(world).await?;
            text.lines().any(|shown| shown == line).then_some(())
        })
        .await;
    }

    /// Waits until the end of the project's chain is there, wherever it is by then.
    async fn shows_the_head(&self, world: &World) {
        let (mut sealer, project) = (Sealer::default(), world.project.id);
        eventually("the head of the chain", async || {
            sealer.round(&world.pool).await.ok()?;
            let heads = list_heads(&world.pool).await.ok()?;
            let head = heads.iter().find(|head| head.project_id == Some(project))?.sequence;
            let line = format!(r#"sendpromptly_audit_chain_head{{project="{project}"}} {head}"#);
            self.metrics(world).await?.lines().any(|shown| shown == line).then_some(())
        })
        .await;
    }

    /// Waits until a check of `/readyz` ends like this.
    async fn check_when(&self, world: &World, name: &str, status: &str) -> Value {
        eventually(&format!("{name} to be {status} at {}", self.url), async || {
            let (_, body) = self.get(world, "/readyz").await?;
            let report: Value = serde_json::from_str(&body).expect("JSON");
            let check = report["checks"].as_array()?.iter().find(|check| check["name"] == name)?;
            (check["status"] == status).then(|| check.clone())
        })
        .await
    }

    async fn ready_when(&self, world: &World, wanted: u16) -> Value {
        eventually(&format!("/readyz to be {wanted}"), async || {
            let (status, body) = self.get(world, "/readyz").await?;
            (status == wanted).then(|| serde_json::from_str(&body).expect("JSON"))
        })
        .await
    }
}

fn free_port() -> u16 {
    embedded::free_port().expect("a port")
}

/// Names and kinds, as Prometheus reads them.
fn exposed(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.into(), b.into())).collect()
}

/// Names and kinds, as the document says.
fn listed() -> BTreeMap<String, String> {
    let rows = LISTED.lines().filter_map(|line| line.strip_prefix("| `sendpromptly_"));
    let cells = rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        Some((format!("sendpromptly_{name}"), rest.split(" |").next()?.to_owned()))
    });
    cells.collect()
}

/// Every name of a label that a metric is shown with, but for the bucket's.
fn exposed_labels(texts: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let lines = texts.iter().flat_map(|text| text.lines());
    for line in lines.filter(|line| line.starts_with("sendpromptly_")) {
        let (name, rest) = line.split_once(['{', ' ']).expect("a sample");
        let ends = ["_bucket", "_sum", "_count"];
        let name = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let labels = rest.rsplit_once('}').map_or("", |(labels, _)| labels);
        let names = labels.split('"').step_by(2).filter_map(|part| part.strip_suffix('='));
        let names = names.map(|name| name.trim_start_matches(',').to_owned());
        found.entry(name.to_owned()).or_default().extend(names.filter(|name| name != "le"));
    }
    found.retain(|name, _| !name.starts_with(SDK_PREFIX));
    found
}

/// The same, as the document says.
fn listed_labels() -> BTreeMap<String, BTreeSet<String>> {
    let rows = LISTED.lines().filter(|line| line.starts_with("| `sendpromptly_"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let labels = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    cells.map(|cells| (cells[1].trim_matches('`').to_owned(), labels(cells[3]))).collect()
}

/// The metrics that the files of `monitoring/` name, without what Prometheus adds to histograms.
fn used() -> BTreeSet<String> {
    let words = READY_MADE.iter().flat_map(|text| {
        text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
    });
    let names = words.filter(|word| word.starts_with("sendpromptly_"));
    names.map(|name| name.trim_end_matches("_bucket").to_owned()).collect()
}

fn kind(kind: Kind) -> String {
    let text = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    text.to_owned()
}

#[test]
fn the_document_lists_every_metric_as_it_is() {
    let known = METRICS.iter().map(|metric| (metric.name.to_owned(), kind(metric.kind)));
    assert_eq!(listed(), known.collect::<BTreeMap<_, _>>());
}

/// A receipt, once more, a bad one and a bad list; a result that is early, twice; a failure, its alert, and a callback.
async fn live(world: &World) -> EventId {
    world.alert_bob().await;
    let event_id = world.receipt("evt_1").await;
    world.receipt("evt_1").await;
    let (status, _) = world.post("/api/v1/receipt", &json!({"provider": "stripe"})).await;
    assert_eq!(status, 422);
    let (status, _) = world.post("/api/v1/receipts", &json!({"receipts": []})).await;
    assert_eq!(status, 422, "rejected as a whole");
    let early = json!({"provider_event_id": "evt_9", "status": "success"});
    for _ in 0..2 {
        let (status, _) = world.post_as(&world.key, "/api/v1/result", &early, "early").await;
        assert_eq!(status, 202);
    }
    let incident_id = world.fail(event_id, json!({"error_code": "db_write_failed"})).await;
    world.reprocess(incident_id).await;
    event_id
}

/// Waits until a message about the cause, which has ended, was taken, and is counted as alerts are.
async fn counts_every_message(world: &World, worker: &Shown) {
    let count = async |sql: &'static str| {
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&world.pool).await.expect("a count")
    };
    eventually("a count of every message", async || {
        let notices = count("SELECT count(*) FROM notices WHERE state = 'delivered'").await;
        let alerts = count("SELECT count(*) FROM alerts WHERE state = 'delivered'").await;
        let labels = format!(r#"kind="email",project="{}",outcome="delivered""#, world.project.id);
        let line = format!("sendpromptly_alert_attempts_total{{{labels}}} {}", alerts + notices);
        let text = worker.metrics(world).await?;
        (notices > 0 && text.lines().any(|shown| shown == line)).then_some(())
    })
    .await;
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn api_and_worker_show_every_metric_that_is_listed_and_no_other() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let (world, server) = World::start_beside_temporal(options).await;
        let outage = "INSERT INTO outages VALUES (now() - interval '1 hour', now() - interval '59 minutes', now() - interval '58 minutes')";
        sqlx::query(outage).execute(&world.pool).await.expect("an outage");
        let expects = "UPDATE projects SET expected_receipts = '6h'";
        sqlx::query(expects).execute(&world.pool).await.expect("an expectation");
        let (api, worker) = (Shown::start(&world, "api"), Shown::start(&world, "worker"));
        eventually("an API that answers", async || world.ready().await.then_some(())).await;
        worker.ready_when(&world, 200).await;
        worker.shows(&world, r#"sendpromptly_dead_man_probes_total{outcome="called"} 1"#).await;
        let first = live(&world).await;
        trigger_retention(&world.temporal().await, TASK_QUEUE).await;
        let deleted = "sendpromptly_retention_deleted_rows_total{rule=\"runs\"} 0";
        worker.shows(&world, deleted).await;

        let project = world.project.id;
        for line in [
            r#"sendpromptly_calls_total{call="receipt",outcome="accepted"} 1"#,
            r#"sendpromptly_calls_total{call="receipt",outcome="duplicate"} 1"#,
            r#"sendpromptly_calls_total{call="receipt",outcome="rejected"} 2"#,
            r#"sendpromptly_calls_total{call="result",outcome="accepted"} 2"#,
            r#"sendpromptly_calls_total{call="result",outcome="duplicate"} 1"#,
            r#"sendpromptly_call_rejections_total{call="receipt",code="validation_error"} 2"#,
            r#"sendpromptly_http_requests_total{method="POST",route="/api/v1/receipt",code="202"} 2"#,
            r#"sendpromptly_check_ok{check="database"} 1"#,
            r#"sendpromptly_check_ok{check="workers"} 1"#,
            r#"sendpromptly_check_status{check="workers",status="ok"} 1"#,
            r#"sendpromptly_check_ok{check="backlog"} 1"#,
            r#"sendpromptly_check_ok{check="dead_man"} 1"#,
            r#"sendpromptly_pending_events{age="under_5m"} 0"#,
            r#"sendpromptly_outbox_waiting_messages{kind="start"} 0"#,
            r#"sendpromptly_backlog_tasks{task="workflow"} 0"#,
            r#"sendpromptly_backlog_oldest_age_seconds{task="activity"} 0"#,
            r#"sendpromptly_database_connection_waiters{pool="requests"} 0"#,
            "sendpromptly_outages 1",
            "sendpromptly_outages_duration_seconds 60",
            &format!(
                r#"sendpromptly_destination_failing_seconds{{kind="email",project="{project}"}} 0"#
            ),
            &format!(r#"sendpromptly_receipts_silent{{flow="project",project="{project}"}} 0"#),
            &format!(
                r#"sendpromptly_open_incidents{{project="{project}",reason="failed_result"}} 1"#
            ),
        ] {
            api.shows(&world, line).await;
        }
        for line in [
            format!(
                r#"sendpromptly_alert_attempts_total{{kind="email",project="{project}",outcome="delivered"}} 1"#
            ),
            format!(
                r#"sendpromptly_alert_attempt_duration_seconds_count{{kind="email",project="{project}"}} 1"#
            ),
            format!(
                r#"sendpromptly_callback_attempts_total{{project="{project}",outcome="delivered"}} 1"#
            ),
        ] {
            worker.shows(&world, &line).await;
        }
        let another = world.receipt("evt_2").await;
        world.fail(another, json!({"error_code": "db_write_failed"})).await;
        let stood_for = format!(r#"sendpromptly_alerts_folded_total{{project="{project}"}} 1"#);
        worker.shows(&world, &stood_for).await;
        for event_id in [first, another] {
            world.result(event_id, "success", json!({})).await;
        }
        counts_every_message(&world, &worker).await;
        api.shows_the_head(&world).await;
        let of_api = api.metrics(&world).await.expect("metrics");
        let of_worker = worker.metrics(&world).await.expect("metrics");
        for private in ["evt_1", "db_write_failed", &world.master_key] {
            assert!(!of_api.contains(private) && !of_worker.contains(private), "{private}");
        }
        let mut shown = exposed(&of_api);
        shown.extend(exposed(&of_worker));
        let missing: Vec<_> = used().into_iter().filter(|name| !shown.contains_key(name)).collect();
        assert!(missing.is_empty(), "rules or dashboard read what is not there: {missing:?}");
        shown.retain(|name, _| !name.starts_with(SDK_PREFIX));
        assert_eq!(shown, listed());
        assert_eq!(exposed_labels(&[&of_api, &of_worker]), listed_labels());
        server.stop().await;
    });
}

#[test]
fn a_worker_without_temporal_lives_and_is_not_ready_and_says_why() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        let worker = Shown::start(&world, "worker");
        let ready = worker.ready_when(&world, 503).await;
        assert_eq!((&ready["status"], &ready["database"]), (&json!("unavailable"), &json!("ok")));
        let (status, _) = worker.get(&world, "/healthz").await.expect("a response");
        assert_eq!(status, 200);
        worker.shows(&world, r#"sendpromptly_check_ok{check="temporal"} 0"#).await;
        worker.shows(&world, r#"sendpromptly_check_ok{check="workers"} 0"#).await;
        for line in [
            r#"sendpromptly_check_status{check="temporal",status="failed"} 1"#,
            r#"sendpromptly_check_status{check="environment",status="unknown"} 1"#,
            r#"sendpromptly_check_status{check="environment",status="failed"} 0"#,
        ] {
            worker.shows(&world, line).await;
        }
        worker.shows(&world, r#"sendpromptly_check_ok{check="database"} 1"#).await;
    });
}

/// Sets the clock of a world's database back.
async fn set_back(world: &World, interval: &str) {
    let sql = format!(
        "SET allow_system_table_mods = on;
         ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO true_clock_timestamp;
         CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql
             AS $$ SELECT pg_catalog.true_clock_timestamp() - interval '{interval}' $$;
         RESET allow_system_table_mods"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&world.pool).await.expect("a clock");
}

#[test]
fn a_clock_that_is_ahead_of_the_databases_shows_in_api_and_worker() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        set_back(&world, "10 minutes 30 seconds").await;
        for part in ["api", "worker"] {
            let shown = Shown::start(&world, part);
            let check = shown.check_when(&world, "clock", "degraded").await;
            let detail = "the clock of this process is 10 minutes ahead of the database's";
            assert_eq!(check["detail"], detail, "{part}");
            shown.shows(&world, r#"sendpromptly_check_ok{check="clock"} 0"#).await;
            let text = shown.metrics(&world).await.expect("metrics");
            let offset = text
                .lines()
                .find_map(|line| line.strip_prefix("sendpromptly_clock_offset_seconds "))
                .and_then(|offset| offset.parse::<i64>().ok());
            assert!(offset.is_some_and(|offset| (620..=640).contains(&offset)), "{offset:?}");
            if part == "api" {
                shown.ready_when(&world, 200).await;
            }
        }
    });
}

#[test]
fn a_port_that_is_taken_stops_no_receipt_and_is_used_once_it_is_free() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let listen = taken.local_addr().expect("an address").to_string();
        let api = Shown::start_at(&world, "api", &listen);
        eventually("an API that answers", async || world.ready().await.then_some(())).await;
        let (status, _) = world.post("/api/v1/receipt", &receipt("evt_1")).await;
        assert_eq!(status, 202);
        let said = api.log.text();
        assert!(said.contains("cannot show metrics and health here"), "{said}");
        assert!(said.contains(LISTEN), "{said}");
        drop(taken);
        api.ready_when(&world, 200).await;
        api.shows(&world, r#"sendpromptly_calls_total{call="receipt",outcome="accepted"} 1"#).await;
    });
}

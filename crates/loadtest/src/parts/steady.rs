//! Latency of receipts at a steady rate, with Temporal at work on them beside it.
//!
//! What the machine leaves at all is measured in the same run: single inserts at the same rate,
//! straight into the same Postgres, while the same Temporal starts bare workflows, fewer a second
//! than the product has it start.

use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::types::Json;
use uuid::Uuid;

use crate::app::{TIMEOUT_MINUTES, receipt_body};
use crate::bare::BareWorker;
use crate::load::{self, Measured};
use crate::parts::floor;
use crate::report::{Figure, Findings, Line, Threshold};
use crate::say;
use crate::session::Session;

/// A rate, what is called by it, and the highest p99 in milliseconds.
struct Rate {
    per_second: f64,
    figure: &'static str,
    load: &'static str,
    inserts: &'static str,
    most: f64,
}

const RATES: [Rate; 2] = [
    Rate {
        per_second: 200.0,
        figure: "POST /receipt at 200/s, p99",
        load: "receipts at 200/s",
        inserts: "single inserts at 200/s, p99",
        most: 10.0,
    },
    Rate {
        per_second: 500.0,
        figure: "POST /receipt at 500/s, p99",
        load: "receipts at 500/s",
        inserts: "single inserts at 500/s, p99",
        most: 15.0,
    },
];

/// Workflows that are started beside single inserts.
const STARTS_PER_SECOND: f64 = 70.0;

/// Sends at one rate after the other; what the first left in the outbox is dispatched in between.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    for rate in &RATES {
        session.until_relayed().await?;
        say(rate.load);
        let sampler = session.sample()?;
        let measured = session.receipts_at(rate.per_second, session.options.timing()).await?;
        let p99 = measured.latencies.percentile(99.0);
        let figure = Figure::new(rate.figure, p99, "ms", Threshold::AtMost(rate.most));
        let note = format!("{}{}", measured.latencies, measured.rejections);
        findings.figures.push(figure.noting(note));
        findings.lines.extend(Line::of_load(rate.load, &measured));
        findings.lines.extend(sampler.finish(rate.load).await?);
    }
    session.until_relayed().await?;
    for rate in &RATES {
        say(rate.inserts);
        let measured = inserts_at(session, rate.per_second).await?;
        let p99 = measured.latencies.percentile(99.0);
        let note =
            format!("{}; beside {STARTS_PER_SECOND} bare starts a second", measured.latencies);
        findings.figures.push(Figure::new(rate.inserts, p99, "ms", Threshold::None).noting(note));
    }
    Ok(findings)
}

/// One row and one commit each.
async fn inserts_at(session: &Session, rate: f64) -> anyhow::Result<Measured> {
    let url = &session.dev.ready.database_url;
    let pool = PgPoolOptions::new().max_connections(floor::CONNECTIONS).connect(url).await?;
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS loadtest_rows (id uuid PRIMARY KEY, body jsonb NOT NULL)",
    )
    .execute(&pool)
    .await?;
    let worker = BareWorker::start(session.temporal().await?)?;
    let timing = session.options.timing();
    let inserts = load::open(rate, timing, move || {
        let pool = pool.clone();
        async move {
            let id = Uuid::now_v7();
            let body =
                Value::Object(receipt_body(&format!("evt_{}", id.simple()), TIMEOUT_MINUTES));
            sqlx::query("INSERT INTO loadtest_rows (id, body) VALUES ($1, $2)")
                .bind(id)
                .bind(Json(body))
                .execute(&pool)
                .await?;
            Ok(())
        }
    });
    let (inserted, started) =
        tokio::join!(inserts, worker.start_workflows_at(STARTS_PER_SECOND, timing));
    started?.all_accepted()?;
    let inserted = inserted?;
    inserted.all_accepted()?;
    Ok(inserted)
}

//! From a success that is committed to the end of its watch, on a system with nothing else to do.

use std::time::Duration;

use anyhow::Context as _;
use domain::ids::EventId;
use temporalio_client::{Client, UntypedWorkflow, WorkflowDescribeOptions};
use time::OffsetDateTime;
use workflows::names::workflow_id;

use crate::app::TIMEOUT_MINUTES;
use crate::latencies::Latencies;
use crate::report::{Figure, Findings, Threshold};
use crate::session::{Session, eventually};
use crate::{say, temporal};

const FLOWS: usize = 200;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends one event after the other through its happy path.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    say(&format!("{FLOWS} events, one after the other: receipt, success, end of the watch"));
    let client = session.temporal().await?;
    let mut measured = Vec::new();
    for _ in 0..FLOWS {
        measured.push(one_flow(session, &client).await?);
    }
    let latencies = Latencies::collect(measured)?;
    let name = "success committed → watch finished, p99";
    let figure = Figure::new(name, latencies.percentile(99.0), "ms", Threshold::AtMost(250.0));
    Ok(vec![figure.noting(latencies)].into())
}

async fn one_flow(session: &Session, client: &Client) -> anyhow::Result<Duration> {
    let event_id = session.app.receipt(TIMEOUT_MINUTES).await?;
    let id = workflow_id(event_id);
    temporal::until_waiting(client, std::slice::from_ref(&id)).await?;
    session.app.success(event_id).await?;
    let watch = client.get_workflow_handle::<UntypedWorkflow>(id);
    let closed = eventually("the end of a watch", TIMEOUT, async || {
        Ok(watch.describe(WorkflowDescribeOptions::default()).await?.close_time())
    })
    .await?;
    let latency = OffsetDateTime::from(closed) - committed(session, event_id).await?;
    Ok(latency.try_into().unwrap_or_default())
}

/// The beginning of the transaction that settled the event, which is a little before its commit.
async fn committed(session: &Session, event_id: EventId) -> anyhow::Result<OffsetDateTime> {
    let at = "SELECT at FROM audit_entries WHERE event_id = $1 AND action = 'result.succeeded'";
    let at = sqlx::query_scalar(at).bind(event_id.as_uuid()).fetch_optional(&session.pool).await?;
    at.context("a success that is not on the timeline")
}

//! From a success that is committed to the end of its watch, on a system with nothing else to do.

use std::time::Duration;

use anyhow::Context as _;
use domain::audit::Action;
use domain::ids::EventId;
use temporalio_client::{Client, WorkflowDescribeOptions};
use time::OffsetDateTime;
use workflows::EffectWatch;
use workflows::names::workflow_id;

use crate::percentiles::{Percentiles, milliseconds};
use crate::report::{Figure, Threshold};
use crate::{BenchContext, eventually, say};

const FLOWS: usize = 200;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Started, three events of the first workflow task, and the timer: from here on the watch waits.
const WAITING_HISTORY: usize = 5;

/// Sends one event after the other through its happy path.
pub async fn measure(context: &BenchContext) -> anyhow::Result<Vec<Figure>> {
    say(&format!("{FLOWS} events, one after the other: receipt, success, end of the watch"));
    let client = context.engine.client().await?;
    let mut measured = Vec::new();
    for _ in 0..FLOWS {
        measured.push(one_flow(context, &client).await?);
    }
    let percentiles = Percentiles::new(measured)?;
    Ok(vec![Figure {
        name: "success committed → watch finished, p99",
        value: milliseconds(percentiles.percentile(99)),
        unit: "ms",
        target: Threshold::AtMost(250.0),
        note: percentiles.to_string(),
    }])
}

async fn one_flow(context: &BenchContext, client: &Client) -> anyhow::Result<Duration> {
    let event_id = context.app.receipt(30).await?;
    let watch = client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
    eventually("a watch that waits", TIMEOUT, async || {
        // Until the relay has been there, there is no such watch.
        let Ok(watch) = watch.describe(WorkflowDescribeOptions::default()).await else {
            return Ok(None);
        };
        Ok((watch.history_length() >= WAITING_HISTORY).then_some(()))
    })
    .await?;
    context.app.success(event_id).await?;
    let closed = eventually("the end of a watch", TIMEOUT, async || {
        Ok(watch.describe(WorkflowDescribeOptions::default()).await?.close_time())
    })
    .await?;
    let latency = OffsetDateTime::from(closed) - committed(context, event_id).await?;
    Ok(latency.try_into().unwrap_or_default())
}

/// The beginning of the transaction that settled the event, which is a little before its commit.
async fn committed(context: &BenchContext, event_id: EventId) -> anyhow::Result<OffsetDateTime> {
    let timeline = store::timeline::list_for_event(&context.pool, event_id).await?;
    let settled = timeline.iter().find(|entry| entry.action == Action::ResultSucceeded.as_str());
    Ok(settled.context("a success that is not on the timeline")?.at)
}

//! Receipts over HTTP: how many, and how fast at a steady rate.
//!
//! Both run with everything that follows a receipt going on beside them: the relay, Temporal, the
//! worker, and this program, all on the same cores. The steady rate is an open loop: a request is
//! sent when it is due, whatever became of the ones before, and its latency counts from then on.

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::app::TIMEOUT_MINUTES;
use crate::percentiles::{Percentiles, milliseconds};
use crate::rate::{LASTING, Rate, Rejections, SENDERS, WARM_UP};
use crate::report::{Figure, Threshold};
use crate::{BenchContext, floor, idle, say, until_relayed};

const STEADY_RATE: u32 = 200;
const SETTLE: Duration = Duration::from_secs(3);

/// Measures the floor, a steady rate, and as many as there can be.
pub async fn measure(context: &BenchContext) -> anyhow::Result<Vec<Figure>> {
    say(&format!("the statements of a receipt without HTTP, {SENDERS} at a time"));
    let floor = floor::measure().await?;
    say(&format!("{STEADY_RATE} receipts a second"));
    let mut figures = vec![steady(context).await?];
    say("waiting until Temporal has them all");
    until_relayed(context).await?;
    tokio::time::sleep(SETTLE).await;
    say(&format!("as many receipts as {SENDERS} connections can send"));
    figures.extend(flat_out(context, floor).await?);
    Ok(figures)
}

async fn steady(context: &BenchContext) -> anyhow::Result<Figure> {
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..STEADY_RATE * u32::try_from((WARM_UP + LASTING).as_secs())? {
        let due = begin + Duration::from_secs(1) / STEADY_RATE * number;
        sleep_until(due).await;
        let app = context.app.clone();
        running.spawn(async move {
            let taken = app.receipt(TIMEOUT_MINUTES).await;
            (due >= begin + WARM_UP, taken.map(|_| due.elapsed()))
        });
    }
    let (mut measured, mut rejections) = (Vec::new(), Rejections::default());
    while let Some(ended) = running.join_next().await {
        match ended? {
            (true, Ok(latency)) => measured.push(latency),
            (false, Ok(_)) => {}
            (_, Err(error)) => rejections.count(&error),
        }
    }
    let percentiles = Percentiles::new(measured).context(rejections.to_string())?;
    Ok(Figure {
        name: "POST /receipt at 200/s, p99",
        value: milliseconds(percentiles.percentile(99)),
        unit: "ms",
        target: Threshold::AtMost(25.0),
        note: format!("{percentiles}{rejections}"),
    })
}

async fn flat_out(context: &BenchContext, floor: Rate) -> anyhow::Result<[Figure; 3]> {
    let (ours, theirs) = (idle::cpu_seconds(std::process::id())?, idle::cpu_seconds(context.pid)?);
    let app = context.app.clone();
    let rate = Rate::measure(move || {
        let app = app.clone();
        async move { app.receipt(TIMEOUT_MINUTES).await.map(|_| ()) }
    })
    .await?;
    let cores = |used: f64| used / (WARM_UP + LASTING).as_secs_f64();
    let theirs = cores(idle::cpu_seconds(context.pid)? - theirs);
    let ours = cores(idle::cpu_seconds(std::process::id())? - ours);
    let on_what = "on a Postgres of its own, with no relay and no Temporal";
    Ok([
        Figure {
            name: "receipts accepted over HTTP",
            value: rate.per_second,
            unit: "/s",
            target: Threshold::AtLeast(2_000.0),
            note: format!("dev used {theirs:.2} cores, this program {ours:.2}{}", rate.rejections),
        },
        Figure {
            name: "the same statements without HTTP",
            value: floor.per_second,
            unit: "/s",
            target: Threshold::None,
            note: format!("{on_what}{}", floor.rejections),
        },
        Figure {
            name: "receipts over HTTP, as a share of that",
            value: rate.per_second / floor.per_second * 100.0,
            unit: "%",
            target: Threshold::AtLeast(50.0),
            note: String::new(),
        },
    ])
}

//! An outbox in which much waits, dispatched to Temporal, beside bare starts on the same server;
//! and how far Temporal falls behind with the first workflow tasks in the meantime.
//!
//! The messages are held back in the database while they gather, and released in one moment.

use time::OffsetDateTime;
use tokio::time::Instant;

use crate::bare::BareWorker;
use crate::latencies::number;
use crate::report::{Figure, Findings, Line, Threshold};
use crate::session::Session;
use crate::{outbox, say, temporal};

const MESSAGES: u32 = 20_000;
const MESSAGES_OF_FIRST_TASKS: u32 = 5_000;
const CONNECTIONS: u32 = 64;

/// How an outbox was dispatched.
struct Drained {
    per_second: f64,
    /// When the outbox was empty.
    emptied: OffsetDateTime,
    lines: Vec<Line>,
}

/// Measures bare starts, then the outbox.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let messages = session.options.scaled(MESSAGES);
    say(&format!("{messages} bare starts"));
    let client = session.temporal().await?;
    let worker = BareWorker::start(client.clone())?;
    let bare = worker.start_workflows(messages).await?;
    temporal::until_waiting(&client, &temporal::sample(worker.workflow_ids(messages))).await?;
    let drained = drain(session, messages).await?;
    let ratio = drained.per_second / bare.per_second;
    let ratio = Figure::new("outbox drained ÷ bare starts", ratio, "×", Threshold::AtLeast(0.95));
    let per_second = |name, value| Figure::new(name, value, "/s", Threshold::None);
    let figures = vec![
        per_second("20,000 waiting messages of the outbox, drained", drained.per_second),
        per_second("bare starts", bare.per_second).noting(bare.latencies),
        ratio.noting(format!("{messages} each")),
    ];
    Ok(Findings { figures, lines: drained.lines })
}

/// Looks at the first workflow tasks of what was dispatched.
pub async fn measure_first_tasks(session: &Session) -> anyhow::Result<Findings> {
    let messages = session.options.scaled(MESSAGES_OF_FIRST_TASKS);
    let drained = drain(session, messages).await?;
    let (client, watches) = (session.temporal().await?, temporal::sample(session.workflow_ids()));
    temporal::until_waiting(&client, &watches).await?;
    let tasks = temporal::first_tasks(&client, &watches).await?;
    let fetched = tasks.iter().filter(|task| task.fetched <= drained.emptied).count();
    let ratio = number(fetched.try_into()?) / number(tasks.len().try_into()?);
    let name = "first workflow tasks dispatched ÷ starts";
    let ratio = Figure::new(name, ratio, "×", Threshold::AtLeast(0.9));
    let note = format!("when {messages} messages were dispatched, of {} watches", tasks.len());
    let waited = tasks.iter().map(|task| (task.fetched - task.started).as_seconds_f64());
    let oldest = waited.fold(0.0, f64::max);
    let oldest = Figure::new("oldest first workflow task", oldest, "s", Threshold::AtMost(5.0));
    Ok(Findings { figures: vec![ratio.noting(note), oldest], lines: drained.lines })
}

async fn drain(session: &Session, messages: u32) -> anyhow::Result<Drained> {
    say(&format!("{messages} messages of the outbox, held back and released"));
    outbox::hold(&session.pool).await?;
    session.receipts(CONNECTIONS, messages).await?;
    let (waiting, _) = outbox::count(&session.pool).await?;
    anyhow::ensure!(waiting == i64::from(messages), "{waiting} messages wait, not {messages}");
    let sampler = session.sample()?;
    let begin = Instant::now();
    outbox::release(&session.pool).await?;
    session.until_relayed().await?;
    let (took, emptied) = (begin.elapsed(), OffsetDateTime::now_utc());
    let lines = sampler.finish("outbox, released").await?.into();
    Ok(Drained { per_second: f64::from(messages) / took.as_secs_f64(), emptied, lines })
}

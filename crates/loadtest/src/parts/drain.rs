//! An outbox in which much waits, dispatched to Temporal, beside bare starts on the same server;
//! and how far Temporal falls behind with the first workflow tasks in the meantime.
//!
//! The messages are held back in the database while they gather, and released in one moment. Bare
//! starts leave their first tasks behind, where the outbox waits for those of watches: so both are
//! also measured to the moment in which everything waits for its result.

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
    began: Instant,
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
    let began = Instant::now();
    let bare = worker.start_workflows(messages).await?;
    temporal::until_waiting(&client, &temporal::sample(worker.workflow_ids(messages))).await?;
    let bare_waiting = f64::from(messages) / began.elapsed().as_secs_f64();
    let drained = drain(session, messages).await?;
    temporal::until_waiting(&client, &temporal::sample(session.workflow_ids())).await?;
    let waiting = f64::from(messages) / drained.began.elapsed().as_secs_f64();
    let per_second = |name, value| Figure::new(name, value, "/s", Threshold::None);
    let ratio = |name, ours: f64, bare: f64, least| {
        Figure::new(name, ours / bare, "×", least).noting(format!("{messages} each"))
    };
    let least = Threshold::AtLeast(0.95);
    let figures = vec![
        per_second("20,000 waiting messages of the outbox, drained", drained.per_second),
        per_second("bare starts", bare.per_second).noting(bare.latencies),
        ratio("outbox drained ÷ bare starts", drained.per_second, bare.per_second, least),
        per_second("the same, until every watch waits for its result", waiting),
        per_second("bare starts, until every workflow waits", bare_waiting),
        ratio("both, until everything waits", waiting, bare_waiting, Threshold::None),
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
    let began = Instant::now();
    outbox::release(&session.pool).await?;
    session.until_relayed().await?;
    let per_second = f64::from(messages) / began.elapsed().as_secs_f64();
    let emptied = OffsetDateTime::now_utc();
    let lines = sampler.finish("outbox, released").await?.into();
    Ok(Drained { began, per_second, emptied, lines })
}

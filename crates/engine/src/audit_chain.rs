//! Links entries of the audit, every ten seconds, behind what is committed.
//!
//! What a batch does, and what becomes of one that is cut off, is [`store::audit_chain`]'s to say. Batches are small and rest
//! in between, so that receipts have the database for themselves. Of several workers one links at a time. Where each chain
//! ends goes to the log, and as a line to a file or bucket that may lie outside: with it `audit verify` finds a chain that
//! was cut off at its end. Lines are written beside the linking; what cannot be written is said, and stops nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::ids::ProjectId;
use store::audit_chain::{self, Head, Horizon, LinkedBatch};
use store::{PgPool, StoreError};
use tokio::sync::watch;

mod heads;
mod target;

use target::Ends;

pub use heads::{HeadLine, MalformedHead};
pub use target::{HeadsBucket, HeadsTarget};

const EVERY: Duration = Duration::from_secs(10);
/// Entries of one batch, which is one transaction of some 20 ms.
const BATCH: i64 = 500;
/// Entries that are looked at again in each round.
const SWEEP: i64 = 1_000;
/// How long requests have the database for themselves between two batches.
const REST: Duration = Duration::from_millis(30);
/// How long one round may last; what is left is the next one's.
const ROUND: Duration = Duration::from_secs(9);
/// How long a round waits for transactions that are under way, and how often it looks.
const MAX_POLLS: u32 = 20;
const POLL_EVERY: Duration = Duration::from_millis(50);
/// How often the end of a chain goes to the log.
const LOG_EVERY: Duration = Duration::from_mins(10);

/// Links for as long as a worker process lives, and keeps outside where the chains end.
pub async fn run(pool: PgPool, heads: Option<HeadsTarget>) {
    let (ends, grown) = watch::channel(Ends::new());
    let writing = async {
        if let Some(target) = heads {
            target::write_all(&target, grown, target::AGAIN).await;
        }
    };
    tokio::join!(link(&pool, &ends), writing);
}

async fn link(pool: &PgPool, ends: &watch::Sender<Ends>) {
    let mut sealer = Sealer::default();
    let mut logged = BTreeMap::new();
    let (mut is_begun, mut is_well) = (false, true);
    loop {
        if !is_begun {
            is_begun = begin(pool, ends).await;
        }
        match sealer.round(pool).await {
            Ok(grown) => {
                is_well = true;
                log(&grown, &mut logged);
                keep(ends, grown);
            }
            Err(error) => {
                if is_well {
                    tracing::warn!(%error, "could not link the audit");
                }
                is_well = false;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Begins with where every chain ends: what was linked before may be written nowhere, by a process that was killed or had no
/// place to write to, and a chain that grows no more would stay so. Whether that could be read.
async fn begin(pool: &PgPool, ends: &watch::Sender<Ends>) -> bool {
    match audit_chain::list_heads(pool).await {
        Ok(heads) => {
            keep(ends, heads);
            true
        }
        Err(error) => {
            tracing::debug!(%error, "could not read where the audit's chains end");
            false
        }
    }
}

fn keep(ends: &watch::Sender<Ends>, grown: Vec<Head>) {
    let grown = grown.into_iter().map(|head| (head.project_id, head));
    ends.send_modify(|ends| ends.extend(grown));
}

/// What one process remembers between two rounds.
#[derive(Debug, Default)]
pub struct Sealer {
    /// Where chains end that grew and were not told yet, because the round failed after that.
    grown: BTreeMap<Option<ProjectId>, Head>,
    /// One that had not passed when it was last looked at.
    horizon: Option<Horizon>,
}

impl Sealer {
    /// Links what is committed and has no link; gives where the chains end that grew.
    ///
    /// # Errors
    /// When the database fails. What was linked before stays linked, and is told by the next round.
    pub async fn round(&mut self, pool: &PgPool) -> Result<Vec<Head>, StoreError> {
        let began = Instant::now();
        if let Some(horizon) = self.pass(pool).await? {
            let full = usize::try_from(BATCH).unwrap_or(usize::MAX);
            while let Some(batch) = audit_chain::link_new(pool, horizon.until, BATCH).await? {
                let is_last = batch.entries < full;
                note(&mut self.grown, batch);
                if is_last || began.elapsed() > ROUND {
                    break;
                }
                tokio::time::sleep(REST).await;
            }
        }
        if let Some(batch) = audit_chain::link_missed(pool, SWEEP).await? {
            if batch.links > 0 {
                tracing::warn!(entries = batch.links, "linked entries of the audit that came late");
            }
            note(&mut self.grown, batch);
        }
        Ok(std::mem::take(&mut self.grown).into_values().collect())
    }

    /// The horizon, once it has passed; one that does not is looked at again in the next round.
    async fn pass(&mut self, pool: &PgPool) -> Result<Option<Horizon>, StoreError> {
        let horizon = match self.horizon.take() {
            Some(horizon) => horizon,
            None => audit_chain::take_horizon(pool).await?,
        };
        for _ in 0..MAX_POLLS {
            if audit_chain::has_passed(pool, &horizon).await? {
                return Ok(Some(horizon));
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        self.horizon = Some(horizon);
        Ok(None)
    }
}

fn note(grown: &mut BTreeMap<Option<ProjectId>, Head>, batch: LinkedBatch) {
    grown.extend(batch.heads.into_iter().map(|head| (head.project_id, head)));
}

fn log(grown: &[Head], logged: &mut BTreeMap<Option<ProjectId>, Instant>) {
    for head in grown {
        if logged.get(&head.project_id).is_none_or(|at| at.elapsed() > LOG_EVERY) {
            let line = HeadLine::from(head);
            let (project_id, sequence, hash) = (line.project_id, line.sequence, line.hash);
            tracing::info!(?project_id, sequence, hash, "the audit is linked up to here");
            logged.insert(head.project_id, Instant::now());
        }
    }
}

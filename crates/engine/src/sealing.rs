//! The master keys of this process: says which it has, and seals again what an older one sealed.
//!
//! Once a minute, where every running process seals with the same newest key, what other keys sealed is sealed
//! again in small batches, so that the old key is out of use soon after the last restart of a rotation. While
//! processes differ nothing is done: two of them would undo each other's work, and one without the new key
//! could not open what the other wrote. Snapshots, of which there may be millions, are left to
//! `master-key rotate`, and so are envelopes of version 1, which a release before this one still reads. What
//! happens when a process dies half-way is [`sealed_values`]'s to say.

use std::collections::HashSet;
use std::time::Duration;

use domain::audit::Actor;
use store::administration::master_key::{self, Rotation};
use store::key_holders::{self, HolderRun};
use store::seal::SealedColumn;
use store::sealed_values::{self, Cursor, Selection, Unopened};
use store::{MasterKey, PgPool, StoreError};
use tokio_util::sync::CancellationToken;

const RELEASE: &str = env!("CARGO_PKG_VERSION");
const BEAT: Duration = Duration::from_secs(10);
/// How many heartbeats lie between two looks at what is sealed.
const LOOKS: u32 = 6;
/// How long requests have the database for themselves between two batches.
const REST: Duration = Duration::from_millis(50);

/// Goes on until this process ends; `process` is how it is listed.
pub async fn run(pool: PgPool, process: String, key: MasterKey, shutdown: CancellationToken) {
    let run = HolderRun::begin();
    shutdown.run_until_cancelled(work(&pool, run, &process, &key)).await;
    if let Err(error) = key_holders::end(&pool, run).await {
        tracing::debug!(%error, "could not say that no master key is held any more");
    }
}

async fn work(pool: &PgPool, run: HolderRun, process: &str, key: &MasterKey) {
    // What does not open is said once.
    let mut said = HashSet::new();
    loop {
        for _ in 0..LOOKS {
            if let Err(error) = key_holders::beat(pool, run, process, RELEASE, key).await {
                tracing::debug!(%error, "could not say which master keys are held");
            }
            tokio::time::sleep(BEAT).await;
        }
        match reseal(pool, key).await {
            Ok(unopened) => unopened.into_iter().for_each(|one| {
                if said.insert((one.column.table(), one.row.clone())) {
                    let (table, row, error) = (one.column.table(), one.row, one.error);
                    tracing::warn!(table, row, %error, "a sealed value does not open");
                }
            }),
            Err(error) => tracing::debug!(%error, "could not seal again"),
        }
    }
}

/// Seals again what other keys sealed, if all processes agree on the newest; what of that did not open.
pub async fn reseal(pool: &PgPool, key: &MasterKey) -> Result<Vec<Unopened>, StoreError> {
    let newest = key.newest().to_string();
    let holders = key_holders::list_running(pool).await?;
    if !holders.iter().all(|holder| holder.seals_with(&newest)) {
        return Ok(Vec::new());
    }
    let counts = sealed_values::count(pool, false).await?;
    let is_other = |column: SealedColumn| {
        let mut counts = counts.iter().filter(|count| count.column == column);
        counts.any(|count| count.head.is_none_or(|head| head.key != key.newest()))
    };
    let columns: Vec<_> = SealedColumn::ALL.into_iter().filter(|one| is_other(*one)).collect();
    let (mut rotation, mut unopened) = (Rotation::default(), Vec::new());
    for column in columns {
        let mut next = Some(Cursor::default());
        while let Some(after) = next {
            let batch =
                sealed_values::reseal_batch(pool, key, column, Selection::OtherKeys, &after);
            let batch = batch.await?;
            rotation.add(column, batch.resealed);
            unopened.extend(batch.unopened);
            next = batch.next;
            tokio::time::sleep(REST).await;
        }
    }
    if rotation.resealed() > 0 {
        rotation.unopened = unopened.len() as u64;
        master_key::note_rotated(pool, &Actor::System, key.newest(), &rotation).await?;
        let values = rotation.resealed();
        tracing::info!(values, key = newest, "sealed again with the newest master key");
    }
    Ok(unopened)
}

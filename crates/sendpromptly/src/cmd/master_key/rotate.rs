//! `master-key rotate`: everything that another key sealed, and every older envelope, is sealed again with the
//! newest key, while the service runs. How a batch is written, and what a crash leaves, is
//! [`store::sealed_values`]'s to say; what is left is what the next run finds.

use domain::alert::one_line;
use serde::Serialize;
use store::administration::master_key::{Rotation, note_rotated, note_started};
use store::seal::{SealedColumn, Version};
use store::sealed_values::{self, Cursor, Selection, Unopened};
use store::{MasterKey, PgPool, key_holders};

use super::{problems, values};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::progress::Counting;
use crate::text::{Tone, plain, table};

pub const HELP: &str = "\
Examples:
  sendpromptly master-key rotate
  SENDPROMPTLY_MASTER_KEY=<new>,<old> sendpromptly master-key rotate --json

Takes SENDPROMPTLY_MASTER_KEY as api and worker have it, the new key in front. Nothing is done while one of them \
does not have the new key. The exit code is 1 when a value did not open, or a process still seals with another key. \
Run it again at any time: it goes on with what is left.

--envelope 1 is for going back to a release before `master-key`: stop api and worker, run it, start the older ones.";

/// So many values that do not open are shown.
const SHOWN: usize = 20;

/// How.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// The form of the envelopes; a release before this command reads 1 alone.
    #[arg(long, value_name = "VERSION", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    envelope: u8,
}

#[derive(Serialize)]
struct RotateReport {
    master_key_id: String,
    resealed: u64,
    columns: Vec<ColumnReport>,
    unopened: Vec<UnopenedReport>,
    still_seal_with_another_key: Vec<String>,
}

#[derive(Serialize)]
struct ColumnReport {
    table: &'static str,
    column: &'static str,
    resealed: u64,
}

#[derive(Serialize)]
struct UnopenedReport {
    table: &'static str,
    row: String,
    error: String,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let key = admin.master_key().await?;
    let holders = key_holders::list_running(&admin.pool).await?;
    let (lacking, behind) = problems(&key, &holders);
    if !lacking.is_empty() {
        let why = format!("{}. Nothing was sealed again", lacking.join("; "));
        return Err(Failure::Validation(why).into());
    }
    let version = if args.envelope == 1 { Version::One } else { Version::Two };
    let selection = Selection::OtherKeysAndForms(version);
    note_started(&admin.pool, &admin.actor, key.newest()).await?;
    let (rotation, unopened) = reseal(&admin.pool, &key, selection).await?;
    note_rotated(&admin.pool, &admin.actor, key.newest(), &rotation).await?;
    let report = RotateReport {
        master_key_id: key.newest().to_string(),
        resealed: rotation.resealed(),
        columns: SealedColumn::ALL
            .into_iter()
            .map(|column| column_report(column, &rotation))
            .collect(),
        unopened: unopened.into_iter().map(UnopenedReport::from).collect(),
        still_seal_with_another_key: behind,
    };
    let is_well = report.unopened.is_empty() && report.still_seal_with_another_key.is_empty();
    Ok(CommandOutput::new(&report, describe(&report))?.with_verdict(is_well))
}

fn column_report(column: SealedColumn, rotation: &Rotation) -> ColumnReport {
    let resealed = rotation.resealed_of(column);
    ColumnReport { table: column.table(), column: column.column(), resealed }
}

impl From<Unopened> for UnopenedReport {
    fn from(of: Unopened) -> Self {
        Self { table: of.column.table(), row: one_line(&of.row), error: of.error.to_string() }
    }
}

async fn reseal(
    pool: &PgPool,
    key: &MasterKey,
    selection: Selection,
) -> anyhow::Result<(Rotation, Vec<Unopened>)> {
    let (mut rotation, mut unopened) = (Rotation::default(), Vec::new());
    for column in SealedColumn::ALL {
        let progress = Counting::start(column.title());
        let mut next = Some(Cursor::default());
        while let Some(after) = next {
            let batch = sealed_values::reseal_batch(pool, key, column, selection, &after).await?;
            rotation.add(column, batch.resealed);
            progress.add(batch.resealed);
            unopened.extend(batch.unopened);
            next = batch.next;
        }
        progress.end();
    }
    rotation.unopened = unopened.len() as u64;
    Ok((rotation, unopened))
}

fn describe(report: &RotateReport) -> String {
    let id = &report.master_key_id;
    let mut parts = Vec::new();
    if report.resealed == 0 {
        parts.push(format!("Everything that opens was sealed with key {id} before."));
    } else {
        let rows = report.columns.iter().filter(|one| one.resealed > 0);
        let rows =
            rows.map(|one| vec![plain(&one.table), plain(&one.column), plain(&one.resealed)]);
        parts.push(table(&["TABLE", "COLUMN", "SEALED AGAIN"], rows.collect()));
        let are = values(i64::try_from(report.resealed).unwrap_or(i64::MAX));
        parts.push(format!("{are} sealed with key {id} now."));
    }
    if !report.unopened.is_empty() {
        let rows =
            report.unopened.iter().take(SHOWN).map(|one| {
                vec![plain(&one.table), plain(&one.row), (one.error.clone(), Tone::Bad)]
            });
        parts.push(table(&["TABLE", "ROW", "DOES NOT OPEN"], rows.collect()));
        if let more @ 1.. = report.unopened.len().saturating_sub(SHOWN) {
            parts.push(format!("… and {more} more; --json lists all."));
        }
    }
    parts.extend(
        report.still_seal_with_another_key.iter().map(|one| format!("{one}, then run this again.")),
    );
    parts.push("To see whether the old key can go: sendpromptly master-key status".to_owned());
    parts.join("\n\n")
}

//! `erase`: overwrites everywhere whom events are about.
//!
//! What it does is [`store::erasure`]'s to say. Without `--yes` it only counts. Cut off, it is finished by api and
//! worker, or by the same command again.

mod replay;
mod report;

use std::path::PathBuf;

use clap::Args;
use domain::ids::ProjectId;
use store::erasure::{self, Erasure, Preview};

use self::report::{ErasureReport, describe};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::progress::while_waiting;

const HELP: &str = "\
Examples:
  sendpromptly erase --project prj_… --reference user_456
  sendpromptly erase --project prj_… --reference user_456 --yes
  sendpromptly erase --export erasures.jsonl
  sendpromptly erase --replay erasures.jsonl

Without --yes it counts what there is, by table, and changes nothing. What is erased cannot be brought back: the \
reference becomes a tombstone in every table and index, texts are overwritten, snapshots deleted and proof links \
revoked. The events stay, with their ids, times and states. Messages that were sent are listed: they lie \
with whoever received them. A command that is cut off goes on by itself while an api or a worker runs.";

/// Who is erased.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct EraseArgs {
    /// The project's id.
    #[arg(long, value_name = "PROJECT", required_unless_present_any = ["export", "replay"])]
    project: Option<String>,
    /// The app's reference, as it was in `internal_reference`, or the tombstone of an earlier erasure.
    #[arg(long, required_unless_present_any = ["export", "replay"])]
    reference: Option<String>,
    /// Erase. Without it, only say what would be.
    #[arg(long)]
    yes: bool,
    /// Write every erasure into this file, to be kept beside backups. It names no customer.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["project", "reference", "yes"])]
    export: Option<PathBuf>,
    /// After a backup was restored: erase again who is in this file, before the api starts.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["project", "reference", "yes", "export"])]
    replay: Option<PathBuf>,
}

/// Erases, or counts.
///
/// # Errors
/// When nothing is known of the reference, or the database cannot be used.
pub async fn run(args: EraseArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    if let Some(file) = &args.export {
        return replay::export(&admin, file).await;
    }
    if let Some(file) = &args.replay {
        return Box::pin(replay::run(&admin, file)).await;
    }
    let key = admin.master_key().await?;
    let project = admin.project(args.project.as_deref().unwrap_or_default()).await?;
    let reference = args.reference.as_deref().unwrap_or_default();
    let counting = erasure::preview(&admin.pool, &key, project.id, reference);
    let preview = while_waiting("counting", counting).await?;
    if preview.is_empty() {
        return Err(nothing_known(project.id, &preview).into());
    }
    if !args.yes {
        let report = ErasureReport::previewed(&preview);
        return CommandOutput::new(&report, describe(&report));
    }
    let begun = erasure::begin(&admin.pool, &key, &admin.actor, project.id, reference).await?;
    let mut quiet = |_: &Erasure| ();
    let erasing = erasure::run(&admin.pool, &key, begun.id, &mut quiet);
    let done = while_waiting("erasing", erasing).await?;
    let report = ErasureReport::done(&done, &preview);
    CommandOutput::new(&report, describe(&report))
}

fn nothing_known(project_id: ProjectId, preview: &Preview) -> Failure {
    let before = preview.erased_before.as_ref().map(|before| {
        format!(". It was erased before, as {}, and nothing came since", before.customer)
    });
    Failure::NotFound(format!(
        "project {project_id} has nothing under this reference, which is case-sensitive: nothing was erased{}",
        before.unwrap_or_default()
    ))
}

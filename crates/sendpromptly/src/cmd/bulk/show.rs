//! `bulk show`: how far a bulk reprocess is, or a set of them.

use std::fmt::Display;

use api::v1::responses;
use api_types::bulk::BulkResponse;
use domain::alert::one_line;
use store::PgPool;
use store::bulk::{Bulk, BulkItem, count_items, list_failed};

use super::{Target, set};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::{Tone, block, or_nothing, plain, table};

/// How many failures are listed.
pub(super) const MAX_FAILED: i64 = 20;

pub(super) async fn run(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    match Target::find(&admin.pool, id).await? {
        Target::One(bulk) => describe(&admin.pool, *bulk).await,
        Target::Set(id) => set::describe(&admin.pool, id).await,
    }
}

/// The bulk reprocess with what failed in it.
pub(super) async fn describe(pool: &PgPool, bulk: Bulk) -> anyhow::Result<CommandOutput> {
    let counts = count_items(pool, bulk.id).await?;
    let failed = list_failed(pool, bulk.id, MAX_FAILED).await?;
    let shown = responses::bulk(bulk, counts);
    let human = with_failures(facts(&shown), &failed, shown.failed, &shown.bulk_id);
    CommandOutput::new(&shown, human)
}

/// The same, with what failed line by line, and how to do all of it again.
pub(super) fn with_failures(
    human: String,
    failed: &[BulkItem],
    count: i64,
    id: &impl Display,
) -> String {
    if failed.is_empty() {
        return human;
    }
    let heading = heading(count);
    let rows = table(&["INCIDENT", "CUSTOMER", "WHY"], failed.iter().map(row).collect());
    let again = format!("incident reprocess --failures-of {id} --note …");
    format!("{human}\n\n{heading}\n{rows}\n\nAll of these again: sendpromptly {again}")
}

/// What stands above what failed.
fn heading(failed: i64) -> String {
    if failed > MAX_FAILED {
        format!("Failed, the first {MAX_FAILED} of {failed} (the API lists all):")
    } else {
        "Failed:".to_owned()
    }
}

fn facts(bulk: &BulkResponse) -> String {
    let state = match &bulk.why {
        Some(why) => format!("{}: {}", bulk.state, one_line(why)),
        None => bulk.state.to_string(),
    };
    block(&[
        ("bulk", bulk.bulk_id.to_string()),
        ("set", or_nothing(bulk.set_id.map(|id| id.to_string()).as_deref())),
        ("action", bulk.action.to_string()),
        ("state", state),
        ("incidents", bulk.incidents.to_string()),
        ("succeeded", bulk.succeeded.to_string()),
        ("failed", bulk.failed.to_string()),
        ("skipped", bulk.skipped.to_string()),
        ("run now", bulk.started.to_string()),
        ("not started", bulk.waiting.to_string()),
        ("note", or_nothing(bulk.note.as_deref())),
        ("by", one_line(&bulk.requested_by)),
    ])
}

fn row(item: &BulkItem) -> Vec<(String, Tone)> {
    vec![
        plain(&item.incident_id),
        plain(&one_line(&item.internal_reference)),
        (or_nothing(item.why.as_deref()), Tone::Bad),
    ]
}

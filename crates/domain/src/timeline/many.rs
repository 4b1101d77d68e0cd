//! What entries say of many incidents at once.

use crate::audit::detail::{BulkEndDetail, BulkStartedDetail};
use crate::ids::BulkId;

/// By which bulk one incident was changed, where it was one of many.
pub(super) fn one_of(bulk_id: Option<BulkId>) -> String {
    bulk_id.map(|id| format!("as one of many, {id}")).unwrap_or_default()
}

pub(super) fn started(of: &BulkStartedDetail) -> String {
    let action = of.action.map(|action| format!(" to {action}")).unwrap_or_default();
    let pace = of.pace.map(|pace| match pace.canary {
        0 => format!(", {} a minute", pace.per_minute),
        canary => format!(", {canary} first, {} a minute", pace.per_minute),
    });
    format!("{}: {} incidents{action}{}", of.bulk_id, of.incidents, pace.unwrap_or_default())
}

pub(super) fn ended(of: &BulkEndDetail) -> String {
    format!(
        "{}, {}: {} succeeded, {} failed, {} skipped, {} not started",
        of.bulk_id, of.state, of.succeeded, of.failed, of.skipped, of.waiting
    )
}

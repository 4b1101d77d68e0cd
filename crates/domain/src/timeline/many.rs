//! What entries say of many incidents together.

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
    let many = match of.incidents {
        1 => "1 incident".to_owned(),
        many => format!("{many} incidents"),
    };
    format!("{}: {many}{action}{}", of.bulk_id, pace.unwrap_or_default())
}

pub(super) fn ended(of: &BulkEndDetail) -> String {
    format!(
        "{}, {}: {} succeeded, {} failed, {} skipped, {} not started",
        of.bulk_id, of.state, of.succeeded, of.failed, of.skipped, of.waiting
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::BulkAction;

    #[test]
    fn a_bulk_of_one_incident_says_so() {
        let of = |incidents| BulkStartedDetail {
            bulk_id: "blk_00000000000000000000000001".parse().expect("an id"),
            action: Some(BulkAction::Resolve),
            incidents,
            cause_id: None,
            pace: None,
            note: String::new(),
        };
        for (incidents, expected) in [(1, "1 incident to resolve"), (2, "2 incidents to resolve")] {
            assert!(started(&of(incidents)).ends_with(&format!(": {expected}")), "{incidents}");
        }
    }
}

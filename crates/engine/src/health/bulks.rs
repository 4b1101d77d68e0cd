//! Whether what is done to many incidents goes on. Receipts and watches do not depend on it: it never fails, it needs
//! attention.

use std::time::Duration;

use store::PgPool;
use store::bulk::dispatch::{StuckBulks, count_stuck};

use super::{Check, age, count, in_time};

pub(super) const BULKS: &str = "bulks";

/// Steps come every few seconds, and a workflow that was lost is started again within three minutes.
const LATE: Duration = Duration::from_mins(5);

pub(super) async fn check(pool: &PgPool) -> Check {
    match in_time(count_stuck(pool, LATE)).await {
        Ok(stuck) => judge(stuck),
        Err(cause) => Check::unknown(BULKS, "database").because(&cause),
    }
}

fn judge(stuck: StuckBulks) -> Check {
    let Some(longest) = stuck.longest else {
        return Check::ok(BULKS, "what runs for many incidents goes on");
    };
    let bulks = count(stuck.bulks, "bulk runs and does not go on", "bulks run and do not go on");
    Check::degraded(
        BULKS,
        format!("{bulks}, the first one for {}", age(longest)),
        "see the checks workers and temporal; with both of them well, `sendpromptly bulk list` says which, and \
         \"A bulk reprocess\" in docs/temporal.md what its workflow is called and shows",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_bulk_that_does_not_go_on_needs_attention() {
        assert_eq!(judge(StuckBulks::default()).status, Status::Ok);
        let one = judge(StuckBulks { bulks: 1, longest: Some(420) });
        assert_eq!(one.status, Status::Degraded);
        assert_eq!(one.detail, "1 bulk runs and does not go on, the first one for 7 minutes");
    }
}

//! Whether snapshots are deleted when they were kept long enough, and what was deleted last.

use std::time::Duration;

use store::snapshots::{self, COUNTED, DueSnapshots, SnapshotPurge};
use store::{PgPool, StoreError};
use time::OffsetDateTime;

use super::Check;
use crate::text::format_timestamp;

const SNAPSHOTS: &str = "snapshots";
/// Retention deletes every hour; after this long it did not.
const LATE: Duration = Duration::from_hours(3);

pub(super) async fn check(pool: &PgPool) -> Check {
    let read = async {
        let due = snapshots::count_due(pool).await?;
        Ok::<_, StoreError>((due, snapshots::list_last_purges(pool).await?))
    };
    match read.await {
        Ok((due, purges)) => judge(&due, &purges, OffsetDateTime::now_utc()),
        Err(error) => Check::skip(SNAPSHOTS, format!("not known ({error})")),
    }
}

fn judge(due: &[DueSnapshots], purges: &[SnapshotPurge], now: OffsetDateTime) -> Check {
    let late = due.iter().filter(|one| now - one.since > LATE);
    let late: Vec<_> = late.map(|one| format!("{} of {}", count(one), one.project_id)).collect();
    let deleted = last_deleted(purges);
    if late.is_empty() {
        return Check::pass(SNAPSHOTS, format!("none is kept too long; {deleted}"));
    }
    let late = late.join(", ");
    Check {
        cure: Some(
            "see what `sendpromptly retention status` says of the rule snapshots".to_owned(),
        ),
        ..Check::fail(SNAPSHOTS, format!("kept too long: {late}; {deleted}"))
    }
}

fn count(due: &DueSnapshots) -> String {
    if due.snapshots < COUNTED { due.snapshots.to_string() } else { format!("{COUNTED} or more") }
}

fn last_deleted(purges: &[SnapshotPurge]) -> String {
    let Some(last) = purges.iter().max_by_key(|purge| purge.last_at) else {
        return "none was deleted yet".to_owned();
    };
    let on_that_day = purges.iter().filter(|purge| purge.day == last.day);
    let on_that_day: i64 = on_that_day.map(|purge| purge.snapshots).sum();
    let total: i64 = purges.iter().map(|purge| purge.total).sum();
    let last_at = format_timestamp(last.last_at);
    format!("deleted last at {last_at}, {on_that_day} on that day, {total} in all")
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::super::Status;
    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-29 14:00 UTC);

    fn due(since: OffsetDateTime) -> DueSnapshots {
        let project_id = "prj_00000000000000000000000001".parse().expect("an id");
        DueSnapshots { project_id, snapshots: 7, since }
    }

    #[test]
    fn what_is_due_for_three_hours_is_kept_too_long() {
        let check = judge(&[due(datetime!(2026-11-29 11:30 UTC))], &[], NOW);
        assert_eq!(check.status, Status::Pass);
        assert_eq!(check.message, "none is kept too long; none was deleted yet");
        let check = judge(&[due(datetime!(2026-11-29 10:30 UTC))], &[], NOW);
        assert_eq!(check.status, Status::Fail);
        assert!(
            check.message.starts_with("kept too long: 7 of prj_00000000000000000000000001; "),
            "{}",
            check.message
        );
        assert!(check.cure.is_some());
    }

    #[test]
    fn what_was_deleted_is_counted_over_all_projects() {
        let purge = |day, last_at, snapshots| SnapshotPurge {
            project_id: "prj_00000000000000000000000001".parse().expect("an id"),
            day,
            snapshots,
            last_at,
            total: 100,
        };
        let purges = [
            purge(date!(2026 - 11 - 29), datetime!(2026-11-29 13:59:10 UTC), 3),
            purge(date!(2026 - 11 - 29), datetime!(2026-11-29 10:00 UTC), 4),
            purge(date!(2026 - 11 - 28), datetime!(2026-11-28 10:00 UTC), 5),
        ];
        let message = judge(&[], &purges, NOW).message;
        assert!(message.contains("7 on that day, 300 in all"), "{message}");
        assert!(message.contains("deleted last at 2026-11-29"), "{message}");
    }
}

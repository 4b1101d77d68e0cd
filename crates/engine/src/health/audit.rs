//! Whether entries of the audit get their links. Nothing else depends on that: it never fails, it needs attention.

use store::PgPool;
use store::audit_chain::find_waiting;

use super::{Check, age, in_time};

pub(super) const AUDIT: &str = "audit";
/// So many seconds an entry may wait, as `audit verify` says too.
const LATE: i64 = 300;

pub(super) async fn check(pool: &PgPool) -> Check {
    match in_time(find_waiting(pool)).await {
        Ok(waiting) => judge(waiting),
        Err(cause) => Check::unknown(AUDIT, "database").because(&cause),
    }
}

fn judge(waiting: Option<i64>) -> Check {
    match waiting.filter(|seconds| *seconds > LATE) {
        None => Check::ok(AUDIT, "entries of the audit are linked"),
        Some(seconds) => Check::degraded(
            AUDIT,
            format!("an entry of the audit has had no link for {}", age(seconds)),
            "see that a worker runs, and that no transaction stays open (pg_stat_activity, pg_prepared_xacts); after an \
             upgrade workers link what is there, which may take a while",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn an_entry_may_wait_for_five_minutes() {
        assert_eq!(judge(None).status, Status::Ok);
        assert_eq!(judge(Some(300)).status, Status::Ok);
        let late = judge(Some(3_600));
        assert_eq!(late.status, Status::Degraded);
        assert!(late.detail.starts_with("an entry of the audit has had no link for"), "{late:?}");
    }
}

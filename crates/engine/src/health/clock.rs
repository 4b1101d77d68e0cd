//! Whether this process and the database agree on the time. Deadlines and callbacks go by the database's clock whatever
//! this one says: it never fails, it needs attention.

use store::PgPool;
use store::health::read_clock_offset;

use super::{Check, age, in_time};

pub(super) const CLOCK: &str = "clock";

/// So many seconds they may differ. It is more than a busy database takes to respond.
const MOST: u64 = 30;

pub(super) async fn check(pool: &PgPool) -> Check {
    match in_time(read_clock_offset(pool)).await {
        Ok(ahead) => judge(ahead),
        Err(cause) => Check::unknown(CLOCK, "database").because(&cause),
    }
}

fn judge(ahead: i64) -> Check {
    if ahead.unsigned_abs() <= MOST {
        return Check::ok(CLOCK, "this process and the database agree on the time");
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    Check::degraded(
        CLOCK,
        format!(
            "the clock of this process is {} {side} the database's",
            age(ahead.saturating_abs())
        ),
        "see that both machines synchronise their clocks; until then times in logs are wrong, and extensions that check \
         the time of a signature reject calls of this process",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn clocks_may_differ_by_half_a_minute() {
        for ahead in [-30, 0, 30] {
            assert_eq!(judge(ahead).status, Status::Ok, "{ahead}");
        }
        for ahead in [-600, -31, 31, 600, i64::MIN] {
            assert_eq!(judge(ahead).status, Status::Degraded, "{ahead}");
        }
        let behind = judge(-31);
        assert_eq!(behind.detail, "the clock of this process is 31 s behind the database's");
        let ahead = judge(600).detail;
        assert_eq!(ahead, "the clock of this process is 10 minutes ahead of the database's");
    }
}

//! Whether the next month has partitions. Without them receipts are taken all the same: it never fails, it needs attention.

use store::PgPool;
use store::partitions::{Behind, list_behind};

use super::{Check, in_time};

pub(super) const PARTITIONS: &str = "partitions";

pub(super) async fn check(pool: &PgPool) -> Check {
    match in_time(list_behind(pool)).await {
        Ok(behind) => judge(&behind),
        Err(cause) => Check::unknown(PARTITIONS, "database").because(&cause),
    }
}

fn judge(behind: &[Behind]) -> Check {
    let Some(first) = behind.first() else {
        return Check::ok(PARTITIONS, "the next month has its partitions");
    };
    let since = match first.since {
        Some(since) => format!("from {} on", since.date()),
        None => "of all time".to_owned(),
    };
    let others = match behind.len() - 1 {
        0 => String::new(),
        more => format!(", as of {more} other tables"),
    };
    Check::degraded(
        PARTITIONS,
        format!("the rows of {} {since} are in one partition{others}", first.table),
        "a worker makes partitions every hour, unless a long transaction holds the table: see its log, and \
         docs/retention.md#partitions",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_month_without_a_partition_needs_attention() {
        assert_eq!(judge(&[]).status, Status::Ok);
        let table = |table: &str, since| Behind { table: table.to_owned(), since };
        let one = judge(&[table("results", Some(std::time::SystemTime::UNIX_EPOCH.into()))]);
        assert_eq!(one.status, Status::Degraded);
        assert_eq!(one.detail, "the rows of results from 1970-01-01 on are in one partition");
        let both = judge(&[table("payment_events", None), table("results", None)]).detail;
        assert!(both.ends_with("of all time are in one partition, as of 1 other tables"), "{both}");
    }
}

//! Whether the dead-man URL is called each minute. There is no such check where none is set.

use store::PgPool;
use store::watch_probes::{self, ProbeSeen};

use super::{Check, age, in_time};

pub(super) const DEAD_MAN: &str = "dead_man";

/// Two minutes and what a probe may take: by then a call was left out.
const MISSED: i64 = 150;

pub(super) async fn check(pool: &PgPool) -> Check {
    match in_time(watch_probes::find(pool)).await {
        Ok(seen) => judge(&seen),
        Err(cause) => Check::unknown(DEAD_MAN, "database").because(&cause),
    }
}

fn judge(seen: &ProbeSeen) -> Check {
    let reason = seen.reason.as_deref().unwrap_or_default();
    match (seen.outcome.as_deref(), seen.called_for) {
        (Some("silent"), _) => Check::failed(
            DEAD_MAN,
            format!("the dead-man URL is not called: {reason}"),
            "see the other checks; with all of them well, the next minute's probe calls it",
        ),
        (Some("failed"), _) => Check::failed(
            DEAD_MAN,
            format!("the service of the dead-man URL does not take the call: {reason}"),
            "see that SENDPROMPTLY_DEAD_MAN_URL is the address that the service gives for its check, and that workers \
             reach it; SENDPROMPTLY_CALLBACK_ALLOW lists a service of your own network",
        ),
        (_, Some(seconds @ ..MISSED)) => {
            Check::ok(DEAD_MAN, format!("the dead-man URL was called {} ago", age(seconds)))
        }
        (_, Some(seconds)) => Check::failed(
            DEAD_MAN,
            format!(
                "the dead-man URL was not called for {}: no probe came to its end",
                age(seconds)
            ),
            "see the checks workers, temporal and backlog",
        ),
        (_, None) => Check::degraded(
            DEAD_MAN,
            "the dead-man URL was not called yet: the first probe ends within a minute",
            "wait a minute, then see the checks workers, temporal and backlog",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn seen(outcome: Option<&str>, called_for: Option<i64>) -> Check {
        let reason = outcome.filter(|outcome| *outcome != "called");
        judge(&ProbeSeen {
            called_for,
            outcome: outcome.map(str::to_owned),
            reason: reason.map(|_| "messages for Temporal do not go out".to_owned()),
            ..ProbeSeen::default()
        })
    }

    #[test]
    fn it_is_ok_only_while_the_last_probe_called_and_the_next_is_not_missed() {
        for (outcome, called_for, status) in [
            (None, None, Status::Degraded),
            (Some("called"), Some(61), Status::Ok),
            (Some("called"), Some(150), Status::Failed),
            (Some("silent"), Some(61), Status::Failed),
            (Some("failed"), Some(61), Status::Failed),
            (Some("silent"), None, Status::Failed),
        ] {
            let check = seen(outcome, called_for);
            assert_eq!(check.status, status, "{check:?}");
            assert_eq!(check.cure.is_none(), status == Status::Ok, "{check:?}");
        }
        let silent = seen(Some("silent"), Some(3)).detail;
        assert_eq!(silent, "the dead-man URL is not called: messages for Temporal do not go out");
    }
}

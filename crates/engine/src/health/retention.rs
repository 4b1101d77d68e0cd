//! Whether what is kept no longer is deleted. Nothing else depends on that: it never fails, it needs attention.

use domain::retention::LATE;
use store::PgPool;
use store::retention::runs::{LastSuccess, list_successes};

use super::{Check, age, in_time};

pub(super) const RETENTION: &str = "retention";

pub(super) async fn check(pool: &PgPool) -> Check {
    match in_time(list_successes(pool)).await {
        Ok(successes) => judge(&successes),
        Err(cause) => Check::unknown(RETENTION, "database").because(&cause),
    }
}

fn judge(successes: &[LastSuccess]) -> Check {
    let late = successes.iter().filter(|one| one.silent_for > LATE.whole_seconds());
    let late: Vec<_> = late.collect();
    let Some(longest) = late.iter().max_by_key(|one| one.silent_for) else {
        return Check::ok(RETENTION, "what is kept no longer is deleted");
    };
    let others = match late.len() - 1 {
        0 => String::new(),
        more => format!(", nor {more} others for as long as two days"),
    };
    Check::degraded(
        RETENTION,
        format!(
            "the rule {} has not come to its end for {}{others}",
            longest.rule,
            age(longest.silent_for)
        ),
        "see `sendpromptly retention status`: it is paused, no worker runs, or the last run says why; \
         `sendpromptly retention run` deletes now",
    )
}

#[cfg(test)]
mod tests {
    use domain::retention::Rule;

    use super::super::Status;
    use super::*;

    fn silent(days: [i64; 2]) -> Check {
        let rules = [Rule::Events, Rule::Sessions];
        let successes = rules.into_iter().zip(days).map(|(rule, days)| LastSuccess {
            rule,
            succeeded_at: None,
            silent_for: days * 86_400 + 1,
        });
        judge(&successes.collect::<Vec<_>>())
    }

    #[test]
    fn a_rule_without_a_success_for_two_days_needs_attention() {
        assert_eq!(silent([0, 1]).status, Status::Ok);
        let late = silent([2, 0]);
        assert_eq!(late.status, Status::Degraded);
        assert_eq!(late.detail, "the rule events has not come to its end for 2 days");
        let both = silent([2, 5]).detail;
        assert!(
            both.starts_with("the rule sessions has not come to its end for 5 days, nor 1"),
            "{both}"
        );
    }
}

//! What is likely wrong, in words, for one who is woken by an incident: where to look first.
//!
//! It is a guess from what the app reported and from how many wait with it, and nothing is decided by it. Where nothing
//! points anywhere nothing is said.

use crate::incident::Reason;

/// What is known when an incident is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Symptoms<'a> {
    pub reason: Reason,
    pub error_code: Option<&'a str>,
    pub error_message: Option<&'a str>,
    /// How many others of the same cause are not resolved.
    pub others_waiting: i64,
}

/// Words of errors, and what they point to: the first row of which a word occurs is taken.
const SIGNS: [(&[&str], &str); 7] = [
    (
        &["disk full", "no space left", "quota", "out of memory", "oom"],
        "a disk, a quota or memory of your app is used up. Make room first; until then a reprocess fails the same way.",
    ),
    (
        &["timeout", "timed out", "deadline exceeded", "etimedout"],
        "something that your app calls does not answer in time. See whether it is up before you reprocess.",
    ),
    (
        &["rate limit", "rate_limit", "too many requests", "throttl", "429"],
        "something that your app calls takes no more for the moment. Reprocess later, a few at a time.",
    ),
    (
        &["unauthorized", "forbidden", "permission", "access denied", "401", "403"],
        "a key or a right of your app is missing or expired. Renew it first.",
    ),
    (
        &[
            "connection refused",
            "econnrefused",
            "connection reset",
            "unreachable",
            "dns",
            "unavailable",
            "503",
            "502",
        ],
        "something that your app calls is down or cannot be reached.",
    ),
    (
        &["db_", "database", "deadlock", "sql", "constraint", "duplicate key"],
        "your app could not write to its database. Its own log has the statement.",
    ),
    (
        &["not found", "not_found", "no such", "unknown user", "missing user", "404"],
        "what the effect is for is not there: it was deleted, or the reference names it differently than your app does.",
    ),
];

/// A sentence that follows *Likely:*, with what to do first.
#[must_use]
pub fn describe(symptoms: Symptoms<'_>) -> Option<String> {
    match symptoms.reason {
        Reason::MissingResult if symptoms.others_waiting > 0 => Some(
            "the worker that does this has stopped, or its results do not get here: others wait for the same. \
             Look at your app's queue first."
                .to_owned(),
        ),
        Reason::MissingResult => Some(
            "the job was lost or still waits in your app's queue, or it was done and never reported. \
             Search your app's log for the reference."
                .to_owned(),
        ),
        Reason::FailedResult => {
            let said = [symptoms.error_code, symptoms.error_message].map(Option::unwrap_or_default);
            let said = said.join(" ").to_lowercase();
            let found = SIGNS.iter().find(|(words, _)| words.iter().any(|word| holds(&said, word)));
            found.map(|(_, sentence)| (*sentence).to_owned())
        }
    }
}

/// Whether a word occurs, and begins where one can begin: `sql` is in `mysql error` no sign, and a status is none within
/// a longer number.
fn holds(said: &str, word: &str) -> bool {
    let is_number = word.bytes().all(|it| it.is_ascii_digit());
    said.match_indices(word).any(|(at, _)| {
        let follows = said[at + word.len()..].starts_with(|it: char| it.is_ascii_digit());
        let continues = said[..at].ends_with(char::is_alphanumeric);
        !(continues || is_number && follows)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reason: Reason, code: Option<&str>, message: Option<&str>, others: i64) -> String {
        let symptoms =
            Symptoms { reason, error_code: code, error_message: message, others_waiting: others };
        describe(symptoms).unwrap_or_default()
    }

    #[test]
    fn silence_of_many_points_to_the_worker_and_of_one_to_its_job() {
        assert!(of(Reason::MissingResult, None, None, 0).starts_with("the job was lost"));
        assert!(
            of(Reason::MissingResult, None, None, 213).starts_with("the worker that does this")
        );
    }

    #[test]
    fn what_the_app_said_points_to_where_to_look() {
        for (code, message, begins) in [
            (Some("db_write_failed"), None, "your app could not write"),
            (Some("db_write_failed"), Some("Disk full"), "a disk, a quota"),
            (None, Some("upstream timed out after 30 s"), "something that your app calls does not"),
            (Some("http_429"), None, "something that your app calls takes no more"),
            (Some("stripe_rate_limit"), None, "something that your app calls takes no more"),
            (
                None,
                Some("connect ECONNREFUSED 10.0.0.3:5432"),
                "something that your app calls is down",
            ),
            (Some("user_not_found"), None, "what the effect is for"),
            (None, Some("403 Forbidden"), "a key or a right"),
        ] {
            let said = of(Reason::FailedResult, code, message, 0);
            assert!(said.starts_with(begins), "{code:?} {message:?}: {said}");
        }
    }

    #[test]
    fn where_nothing_points_anywhere_nothing_is_said() {
        for said in
            [None, Some("boom"), Some("order 4031"), Some("room 1403"), Some("bedns"), Some("")]
        {
            assert_eq!(of(Reason::FailedResult, None, said, 9), "", "{said:?}");
        }
    }
}

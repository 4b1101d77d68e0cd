//! What is kept for how long: one list, for whoever deletes, shows and documents it.
//!
//! Nothing here deletes. A rule says what leaves, which moment counts and how long after it; `store::retention`
//! has a file for each, and the tables of `docs/retention.md` say the same. What is pending, open, running or
//! undelivered is in no rule.

use time::Duration;

use crate::text_enum::text_enum;

/// How many months a project keeps an event after it ended, unless it says otherwise.
pub const DEFAULT_MONTHS: i32 = 12;
/// The longest that a project may keep its events: seven years.
pub const MAX_MONTHS: i32 = 84;
/// How long a rule may go without a run before that is worth a look.
pub const LATE: Duration = Duration::days(2);

text_enum! {
    /// What leaves together.
    Rule {
        Events = "events",
        Identities = "identities",
        UnclaimedResults = "unclaimed_results",
        EarlyResults = "early_results",
        ClaimedResults = "claimed_results",
        IdempotencyKeys = "idempotency_keys",
        Sessions = "sessions",
        SignInFailures = "sign_in_failures",
        ProofLinks = "proof_links",
        Snapshots = "snapshots",
        AlertTexts = "alert_texts",
        Runs = "runs",
        Partitions = "partitions",
    }
}

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// As many months, or days, as its project says.
    OfProject,
    Months(i32),
    Days(i32),
    Hours(i32),
}

impl Rule {
    /// What leaves, as people read it.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Events => "events, with everything that belongs to them",
            Self::Identities => "identities of events that went",
            Self::UnclaimedResults => "audit entries of results that no receipt claimed",
            Self::EarlyResults => "results whose receipt did not come",
            Self::ClaimedResults => "which early result settled which event",
            Self::IdempotencyKeys => "idempotency keys, with the response to them",
            Self::Sessions => "sessions",
            Self::SignInFailures => "failed sign-ins",
            Self::ProofLinks => "proof links",
            Self::Snapshots => "snapshots",
            Self::AlertTexts => "what destinations responded to alerts that they took",
            Self::Runs => "runs of retention",
            Self::Partitions => "months of tables that next to nothing is left of",
        }
    }

    /// From when on it is kept for that long.
    #[must_use]
    pub const fn since(self) -> &'static str {
        match self {
            Self::Events => "after the event ended",
            Self::Identities => "after the event went",
            Self::UnclaimedResults => "after they were given up",
            Self::EarlyResults => "after they came",
            Self::ClaimedResults => "after the receipt came",
            Self::IdempotencyKeys => "after the first use",
            Self::Sessions => "after their end",
            Self::SignInFailures => "after the first one",
            Self::ProofLinks => "after they expired or were revoked",
            Self::Snapshots => "after their receipt came",
            Self::AlertTexts => "after the delivery",
            Self::Runs => "after they began",
            Self::Partitions => "after their last day",
        }
    }

    /// How long it is kept.
    #[must_use]
    pub const fn period(self) -> Period {
        match self {
            Self::Events | Self::UnclaimedResults | Self::Snapshots => Period::OfProject,
            Self::Identities => Period::Months(12),
            Self::Partitions => Period::Months(1),
            Self::EarlyResults | Self::ClaimedResults | Self::SignInFailures => Period::Hours(24),
            Self::IdempotencyKeys => Period::Days(7),
            Self::Sessions | Self::ProofLinks | Self::AlertTexts => Period::Days(30),
            Self::Runs => Period::Days(90),
        }
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OfProject => f.write_str("as the project says"),
            Self::Months(months) => {
                write!(f, "{months} {}", if *months == 1 { "month" } else { "months" })
            }
            Self::Days(days) => write!(f, "{days} days"),
            Self::Hours(hours) => write!(f, "{hours} hours"),
        }
    }
}

/// A project's retention is too short or too long. The text continues a sentence that begins with the
/// field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {MAX_MONTHS}")]
pub struct InvalidMonths;

/// Checks how many months a project keeps its events.
///
/// # Errors
/// When it is less than a month or more than seven years.
pub fn check_months(months: i32) -> Result<(), InvalidMonths> {
    if (1..=MAX_MONTHS).contains(&months) { Ok(()) } else { Err(InvalidMonths) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_keeps_events_for_one_to_eighty_four_months() {
        for months in [i32::MIN, -1, 0, 85, i32::MAX] {
            assert_eq!(check_months(months), Err(InvalidMonths), "{months}");
        }
        assert_eq!((check_months(1), check_months(84)), (Ok(()), Ok(())));
        assert_eq!(check_months(DEFAULT_MONTHS), Ok(()));
        assert_eq!(InvalidMonths.to_string(), "must be a whole number from 1 to 84");
    }

    #[test]
    fn the_documents_say_of_every_rule_what_leaves_and_when() {
        let document = include_str!("../../../docs/retention.md");
        for rule in Rule::ALL {
            let period = match rule.period() {
                period @ Period::OfProject => {
                    let usual = if *rule == Rule::Snapshots { "30 days" } else { "12 months" };
                    format!("{period}, {usual}")
                }
                period @ (Period::Months(_) | Period::Days(_) | Period::Hours(_)) => {
                    period.to_string()
                }
            };
            let row = format!("| `{rule}` | {} | {period} {} |", rule.what(), rule.since());
            assert!(document.contains(&row), "docs/retention.md lacks the row {row}");
        }
    }
}

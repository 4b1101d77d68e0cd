//! The sentence and the numbers above the list.

use std::sync::Arc;

use domain::alert::format_duration;
use domain::ids::ProjectId;
use domain::money::describe_sums;
use domain::project::Mode;
use store::StoreError;
use store::search::hours::Hours;
use store::search::unresolved::{Customers, read_unresolved};
use time::OffsetDateTime;

use crate::state::ConsoleState;
use crate::when::When;

/// The sentence and the numbers above the list.
#[derive(Debug)]
pub(super) struct IncidentSummary {
    /// How many customers wait, as a sentence.
    pub(super) headline: String,
    /// How many incidents wait for an operator, as the filter *Open* finds them.
    pub(super) open: i64,
    /// How many an operator sees to.
    pub(super) acknowledged: i64,
    /// Since when the oldest of all that are not resolved waits.
    pub(super) oldest: Option<When>,
    /// How many are being repaired.
    pub(super) repairing: i64,
    /// What they paid, as far as receipts said so, and whether it was a test.
    pub(super) at_risk: Option<(String, bool)>,
    /// How many of a hundred effects came on time, if any were due.
    pub(super) on_time: Option<String>,
    /// How long it took to put things right, if anything was.
    pub(super) to_repair: Option<String>,
    /// The last hours, one by one.
    pub(super) hours: Arc<Hours>,
}

impl IncidentSummary {
    /// The numbers of one project, or of all of a mode.
    pub(super) async fn load(
        state: &ConsoleState,
        project_id: Option<ProjectId>,
        mode: Mode,
        now: OffsetDateTime,
    ) -> Result<Self, StoreError> {
        let pool = &state.pool;
        let waiting = read_unresolved(pool, project_id, Some(mode)).await?;
        let lately = state.console.overview_cache.load(pool, project_id, Some(mode)).await?;
        let quiet = lately.on_time.is_none();
        Ok(Self {
            headline: headline(waiting.customers, mode, quiet),
            open: waiting.open,
            acknowledged: waiting.acknowledged,
            oldest: waiting.oldest_opened_at.map(|at| When::ago(at, now)),
            repairing: waiting.reprocessing,
            at_risk: describe_sums(&waiting.at_risk).map(|sums| (sums, mode == Mode::Test)),
            on_time: lately.on_time.map(percent),
            to_repair: lately.to_repair.map(format_duration),
            hours: lately.hours,
        })
    }
}

/// Rounded down: what is not quite all shall not look like all.
fn percent(of_hundred: f64) -> String {
    let cut = (of_hundred * 100.0).floor() / 100.0;
    format!("{cut}%")
}

/// Where nothing was due, no claim is made that customers got it.
fn headline(waiting: Customers, mode: Mode, quiet: bool) -> String {
    let who = match mode {
        Mode::Live => "customer",
        Mode::Test => "test customer",
    };
    let counted = |count: i64| format!("{count} {who}{}", if count == 1 { "" } else { "s" });
    let keeps = |count: i64| if count == 1 { "still has" } else { "still have" };
    match waiting {
        Customers { without: 0, with_too_much: 0 } if quiet => "Nothing is missing".to_owned(),
        Customers { without: 0, with_too_much: 0 } => {
            "Every customer got what they paid for".to_owned()
        }
        Customers { without, with_too_much: 0 } => {
            format!("{} paid and got nothing", counted(without))
        }
        Customers { without: 0, with_too_much } => {
            format!(
                "{} {} what they should have lost",
                counted(with_too_much),
                keeps(with_too_much)
            )
        }
        Customers { without, with_too_much } => format!(
            "{} paid and got nothing, {with_too_much} {} what they should have lost",
            counted(without),
            keeps(with_too_much)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_a_hundred_per_cent() {
        for (of_hundred, expected) in
            [(100.0, "100%"), (99.999, "99.99%"), (99.5, "99.5%"), (0.0, "0%")]
        {
            assert_eq!(percent(of_hundred), expected);
        }
    }

    #[test]
    fn the_headline_counts_customers_in_their_own_words() {
        let of = |without, with_too_much| Customers { without, with_too_much };
        for (waiting, mode, expected) in [
            (of(0, 0), Mode::Live, "Every customer got what they paid for"),
            (of(1, 0), Mode::Live, "1 customer paid and got nothing"),
            (of(3, 0), Mode::Live, "3 customers paid and got nothing"),
            (of(0, 1), Mode::Live, "1 customer still has what they should have lost"),
            (
                of(2, 2),
                Mode::Live,
                "2 customers paid and got nothing, 2 still have what they should have lost",
            ),
            (of(2, 0), Mode::Test, "2 test customers paid and got nothing"),
        ] {
            assert_eq!(headline(waiting, mode, false), expected);
        }
        assert_eq!(headline(of(0, 0), Mode::Live, true), "Nothing is missing");
        assert_eq!(headline(of(1, 0), Mode::Live, true), "1 customer paid and got nothing");
    }
}

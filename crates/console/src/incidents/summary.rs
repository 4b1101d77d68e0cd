//! The sentence and the numbers above the list.

use domain::alert::format_duration;
use domain::ids::ProjectId;
use domain::money::{Amount, describe_sums};
use store::StoreError;
use store::search::at_risk::sum_at_risk;
use store::search::customers::{Customers, count_customers};
use store::search::incidents::{IncidentCounts, count_incidents};
use time::OffsetDateTime;

use crate::state::ConsoleState;
use crate::when::When;

/// The sentence and the numbers above the list.
#[derive(Debug)]
pub(super) struct IncidentSummary {
    /// How many customers wait, as a sentence.
    pub(super) headline: String,
    /// How many incidents are open or acknowledged.
    pub(super) open: i64,
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
}

impl IncidentSummary {
    /// The numbers of one project, or of all.
    pub(super) async fn of(
        state: &ConsoleState,
        project_id: Option<ProjectId>,
        now: OffsetDateTime,
    ) -> Result<Self, StoreError> {
        let pool = &state.pool;
        let (live, test) = count_customers(pool, project_id).await?;
        let IncidentCounts { open, acknowledged, reprocessing, oldest_open_at } =
            count_incidents(pool, project_id).await?;
        let (of_live, of_test) = sum_at_risk(pool, project_id).await?;
        let week = state.console.weeks.of(pool, project_id).await?;
        let quiet = week.on_time.is_none();
        Ok(Self {
            headline: headline(live, test, quiet),
            open: open + acknowledged,
            oldest: oldest_open_at.map(|at| When::ago(at, now)),
            repairing: reprocessing,
            at_risk: at_risk(&of_live, &of_test),
            on_time: week.on_time.map(percent),
            to_repair: week.to_repair.map(format_duration),
        })
    }
}

/// Real money comes first; what was not real is only mentioned where nothing else is. They are never added up.
fn at_risk(live: &[Amount], test: &[Amount]) -> Option<(String, bool)> {
    let live = describe_sums(live).map(|sums| (sums, false));
    live.or_else(|| describe_sums(test).map(|sums| (sums, true)))
}

/// Rounded down: what is not quite all shall not look like all.
fn percent(of_hundred: f64) -> String {
    let cut = (of_hundred * 100.0).floor() / 100.0;
    format!("{cut}%")
}

/// Real customers come first; those of test projects are only mentioned where there are no others.
/// Where nothing was due, no claim is made that customers got it.
fn headline(live: Customers, test: Customers, quiet: bool) -> String {
    let nobody = Customers::default();
    let (waiting, who) = if live == nobody { (test, "test customer") } else { (live, "customer") };
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
    fn money_of_a_test_is_never_added_to_real_money() {
        let sum = |value, code: &str| Amount { value, currency: code.parse().expect("a currency") };
        let (live, test) = ([sum(4900, "USD"), sum(100, "EUR")], [sum(7, "USD")]);
        assert_eq!(at_risk(&live, &test), Some(("49.00 USD + 1.00 EUR".to_owned(), false)));
        assert_eq!(at_risk(&[], &test), Some(("0.07 USD".to_owned(), true)));
        assert_eq!(at_risk(&[], &[]), None);
    }

    #[test]
    fn the_headline_counts_customers_in_their_own_words() {
        let of = |without, with_too_much| Customers { without, with_too_much };
        for (live, test, expected) in [
            (of(0, 0), of(0, 0), "Every customer got what they paid for"),
            (of(1, 0), of(9, 9), "1 customer paid and got nothing"),
            (of(3, 0), of(0, 0), "3 customers paid and got nothing"),
            (of(0, 1), of(0, 0), "1 customer still has what they should have lost"),
            (
                of(2, 2),
                of(0, 0),
                "2 customers paid and got nothing, 2 still have what they should have lost",
            ),
            (of(0, 0), of(2, 0), "2 test customers paid and got nothing"),
        ] {
            assert_eq!(headline(live, test, false), expected);
        }
        assert_eq!(headline(of(0, 0), of(0, 0), true), "Nothing is missing");
        assert_eq!(headline(of(1, 0), of(0, 0), true), "1 customer paid and got nothing");
    }
}

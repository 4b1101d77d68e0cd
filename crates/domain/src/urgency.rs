//! How urgent it is that an operator sees to what waits: by how long it has waited, by how many customers wait, and by
//! whether money is known to be at risk.
//!
//! The limits are fixed, so that a word means the same in every project and on every channel. Amounts of several currencies
//! are never added, and none is measured: a limit in minor units would be an exchange rate of one. Money therefore decides
//! nothing alone. It makes critical what is high twice, by its age and by its customers.

use time::Duration;

use crate::incident::IncidentState;
use crate::money::Amount;
use crate::project::Mode;
use crate::text_enum::text_enum;

/// The age of the oldest from which it is high, and from which it is critical.
pub const AGES: [Duration; 2] = [Duration::hours(1), Duration::hours(4)];

/// How many customers make it high, and how many critical.
pub const CUSTOMERS: [i64; 2] = [10, 100];

text_enum! {
    /// How urgent it is, the least first.
    Urgency {
        Normal = "normal",
        High = "high",
        Critical = "critical",
    }
}

/// What waits: incidents that are not resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtStake<'a> {
    /// How long the oldest has been open.
    pub age: Duration,
    /// How many references they are about.
    pub customers: i64,
    /// What was paid for them, one sum per currency.
    pub at_risk: &'a [Amount],
}

impl<'a> AtStake<'a> {
    /// What one incident is about; nothing where it is resolved.
    #[must_use]
    pub fn of_one(state: IncidentState, age: Duration, amount: Option<&'a Amount>) -> Self {
        let customers = i64::from(state != IncidentState::Resolved);
        Self { age, customers, at_risk: amount.map(std::slice::from_ref).unwrap_or_default() }
    }
}

impl Urgency {
    /// In a test project no customer waits, and where nothing waits nothing is urgent.
    #[must_use]
    pub fn decide(mode: Mode, at_stake: &AtStake<'_>) -> Self {
        if mode == Mode::Test || at_stake.customers == 0 {
            return Self::Normal;
        }
        let by_age = Self::by_limit(at_stake.age, AGES);
        let by_customers = Self::by_limit(at_stake.customers, CUSTOMERS);
        let has_money = at_stake.at_risk.iter().any(|sum| sum.value > 0);
        if has_money && by_age.min(by_customers) >= Self::High {
            return Self::Critical;
        }
        by_age.max(by_customers)
    }

    fn by_limit<T: PartialOrd + Copy>(value: T, [high, critical]: [T; 2]) -> Self {
        if value >= critical {
            Self::Critical
        } else if value >= high {
            Self::High
        } else {
            Self::Normal
        }
    }

    /// What a heading begins with, where that is more than usual.
    #[must_use]
    pub const fn words(self) -> Option<&'static str> {
        match self {
            Self::Normal => None,
            Self::High => Some("High urgency"),
            Self::Critical => Some("Critical"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(value: i64, currency: &str) -> Amount {
        Amount { value, currency: currency.parse().expect("a currency") }
    }

    fn decide(minutes: i64, customers: i64, at_risk: &[Amount]) -> Urgency {
        let at_stake = AtStake { age: Duration::minutes(minutes), customers, at_risk };
        let test = Urgency::decide(Mode::Test, &at_stake);
        assert_eq!(test, Urgency::Normal, "nobody waits in a test project: {at_stake:?}");
        Urgency::decide(Mode::Live, &at_stake)
    }

    #[test]
    fn age_and_customers_count_each_for_itself() {
        use Urgency::{Critical, High, Normal};
        for (minutes, customers, urgency) in [
            (-1, 1, Normal),
            (0, 1, Normal),
            (59, 9, Normal),
            (60, 1, High),
            (239, 1, High),
            (240, 1, Critical),
            (0, 10, High),
            (0, 99, High),
            (0, 100, Critical),
            (60, 10, High),
            (600, 0, Normal),
        ] {
            assert_eq!(decide(minutes, customers, &[]), urgency, "{minutes} min, {customers}");
        }
    }

    #[test]
    fn money_makes_critical_what_is_high_twice_and_decides_nothing_alone() {
        use Urgency::{Critical, High, Normal};
        let fortune = [sum(999_999_999_999, "USD"), sum(999_999_999_999, "JPY")];
        for (minutes, customers, at_risk, urgency) in [
            (0, 1, &fortune[..], Normal),
            (60, 9, &fortune, High),
            (59, 10, &fortune, High),
            (60, 10, &fortune[..1], Critical),
            (60, 10, &[sum(0, "USD"), sum(1, "JPY")], Critical),
            (60, 10, &[sum(0, "USD")], High),
        ] {
            let found = decide(minutes, customers, at_risk);
            assert_eq!(found, urgency, "{minutes} min, {customers}, {at_risk:?}");
        }
    }

    #[test]
    fn what_is_resolved_is_not_urgent() {
        let day = Duration::days(1);
        let of = |state| {
            Urgency::decide(Mode::Live, &AtStake::of_one(state, day, Some(&sum(4900, "USD"))))
        };
        assert_eq!(of(IncidentState::Open), Urgency::Critical);
        assert_eq!(of(IncidentState::Acknowledged), Urgency::Critical);
        assert_eq!(of(IncidentState::Resolved), Urgency::Normal);
    }

    #[test]
    fn a_heading_begins_with_what_is_more_than_usual() {
        let words = Urgency::ALL.iter().map(|urgency| urgency.words());
        assert_eq!(words.collect::<Vec<_>>(), [None, Some("High urgency"), Some("Critical")]);
    }
}

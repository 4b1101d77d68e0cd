//! The invariants I1 to I10, each a function over the facts of a round that is over.
//!
//! Each says in words that a person can act on what is broken, by the ids that a person can look up. None of them
//! looks anywhere: what they judge is given, so that each can be shown doctored facts.

mod alerts;
mod answers;
mod deadlines;
mod events;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::facts::{Facts, Incident};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// `I1` to `I10`.
    pub invariant: String,
    pub words: String,
}

/// One invariant.
#[derive(Clone, Copy)]
pub struct Invariant {
    pub name: &'static str,
    pub says: &'static str,
    check: fn(&Facts) -> Vec<String>,
}

/// All of them.
pub const INVARIANTS: [Invariant; 10] = [
    Invariant {
        name: "I1",
        says: "every 202 exists exactly once and reaches a terminal state",
        check: events::every_202_exists_once_and_ends,
    },
    Invariant {
        name: "I2",
        says: "at most one incident per event",
        check: events::at_most_one_incident_per_event,
    },
    Invariant {
        name: "I3",
        says: "success committed before the deadline means no incident",
        check: deadlines::success_in_time_means_no_incident,
    },
    Invariant {
        name: "I4",
        says: "no result by the deadline means an incident soon after",
        check: deadlines::silence_means_an_incident,
    },
    Invariant {
        name: "I5",
        says: "every incident alerts every destination, twice only after a crash or a failed attempt",
        check: alerts::every_incident_alerts_every_destination,
    },
    Invariant {
        name: "I6",
        says: "every callback verifies, with a nonce of its own and one replay_id per reprocess",
        check: answers::every_callback_verifies,
    },
    Invariant {
        name: "I7",
        says: "one audit entry per transition, which the product's role cannot change",
        check: events::every_transition_is_audited_once,
    },
    Invariant {
        name: "I8",
        says: "secrets and payloads are nowhere but sealed",
        check: secrets::secrets_stay_secret,
    },
    Invariant {
        name: "I9",
        says: "nothing of one project is visible to another",
        check: secrets::projects_do_not_see_each_other,
    },
    Invariant {
        name: "I10",
        says: "a repeated request gets the same bytes",
        check: answers::repeated_answers_are_equal,
    },
];

/// At most so many violations of one invariant are told; the rest are counted.
const TOLD: usize = 10;

/// Judges all of them.
pub fn check(facts: &Facts) -> Vec<Violation> {
    let judge = |invariant: &Invariant| {
        let mut words = (invariant.check)(facts);
        let more = words.len().saturating_sub(TOLD);
        words.truncate(TOLD);
        words.extend((more > 0).then(|| format!("… and {more} more")));
        let name = invariant.name;
        words
            .into_iter()
            .map(move |words| Violation { invariant: name.to_owned(), words })
            .collect::<Vec<_>>()
    };
    INVARIANTS.iter().flat_map(judge).collect()
}

/// The incidents of each event.
fn incidents_by_event(facts: &Facts) -> BTreeMap<Uuid, Vec<&Incident>> {
    let mut by_event = BTreeMap::<Uuid, Vec<&Incident>>::new();
    for incident in &facts.rows.incidents {
        by_event.entry(incident.event_id).or_default().push(incident);
    }
    by_event
}

/// What stands more than once, with its number.
fn repeats<T: Ord>(all: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counted = BTreeMap::new();
    for one in all {
        *counted.entry(one).or_default() += 1;
    }
    counted.retain(|_, count| *count > 1);
    counted
}

/// The events that the shop knows to be there.
fn acked(facts: &Facts) -> BTreeSet<Uuid> {
    facts.entries.receipts.iter().filter_map(|receipt| receipt.event_id).collect()
}

#[cfg(test)]
mod doctored;

//! I3 and I4: the deadline decides, and nothing but the deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::incidents_by_event;
use crate::facts::Facts;
use crate::shop::ledger::Intent;

/// How long after a deadline, or after the last disturbance, an incident may take. Generous: this asks whether it
/// comes, `make bench` how soon.
const SOON: Duration = Duration::from_mins(1);

/// I3, by the shop's clock, which is the database's: what was acked before the deadline was committed before it. The
/// deadline is the database's: on the stage minutes are shorter than a response can know.
pub(super) fn success_in_time_means_no_incident(facts: &Facts) -> Vec<String> {
    let incidents = incidents_by_event(facts);
    let deadlines: BTreeMap<_, _> =
        facts.rows.events.iter().map(|event| (event.id, event.timeout_at)).collect();
    let failing: BTreeSet<_> = facts
        .entries
        .receipts
        .iter()
        .filter(|it| it.intent == Intent::Fail)
        .filter_map(|it| it.event_id)
        .collect();
    let mut words = Vec::new();
    for result in facts.entries.results.iter().filter(|result| result.success) {
        let event_id = result.event_id;
        let times = result.acked_at.zip(deadlines.get(&event_id));
        if let Some((acked, due)) = times
            && acked < *due
            && !failing.contains(&event_id)
            && incidents.contains_key(&event_id)
        {
            words.push(format!(
                "{event_id} has an incident, but its success was acked at {acked}, due {due}"
            ));
        }
    }
    words
}

/// I4. An event that the shop said nothing of until its deadline has had an incident soon after it, or after the
/// end of what was done to the product, or after the grace of an outage.
pub(super) fn silence_means_an_incident(facts: &Facts) -> Vec<String> {
    let incidents = incidents_by_event(facts);
    let in_time: BTreeSet<_> = facts.entries.results.iter().map(|result| result.event_id).collect();
    let mut words = Vec::new();
    for receipt in facts.entries.receipts.iter().filter(|it| it.intent == Intent::Forget) {
        let Some(event_id) = receipt.event_id else { continue };
        if !incidents.contains_key(&event_id) {
            let reported = if in_time.contains(&event_id) { ", and then a result" } else { "" };
            words.push(format!("{event_id} was never reported{reported}, and has no incident"));
        }
    }
    for event in &facts.rows.events {
        let missing = incidents
            .get(&event.id)
            .into_iter()
            .flatten()
            .filter(|it| it.reason == "missing_result");
        for incident in missing {
            let from = event
                .timeout_at
                .max(event.judged_at)
                .max(facts.recovered_at.unwrap_or(event.timeout_at));
            if incident.opened_at > from + SOON {
                let late = incident.opened_at - from;
                words.push(format!("the incident of {} came {late} late", event.id));
            }
            if incident.opened_at < event.timeout_at {
                let early = event.timeout_at - incident.opened_at;
                words
                    .push(format!("the incident of {} came {early} before its deadline", event.id));
            }
        }
    }
    words
}

//! I1, I2, I7: what was accepted is there once, ends, and is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::ReplayId;
use uuid::Uuid;

use super::{acked, incidents_by_event, repeats};
use crate::facts::Facts;
use crate::shop::ledger::Outcome;

/// I1. What was refused must not be there; what is ambiguous may be, once.
pub(super) fn every_202_exists_once_and_ends(facts: &Facts) -> Vec<String> {
    let mut words: Vec<String> = facts.unrest.iter().cloned().collect();
    let mut stored = BTreeMap::<&str, Vec<Uuid>>::new();
    for event in &facts.rows.events {
        stored.entry(&event.provider_event_id).or_default().push(event.id);
    }
    let mut acked_receipts = BTreeSet::new();
    for receipt in &facts.entries.receipts {
        let id = receipt.provider_event_id.as_str();
        let found = stored.get(id).map(Vec::as_slice).unwrap_or_default();
        match (&receipt.outcome, found) {
            (Outcome::Acked(_), [event_id]) if receipt.event_id == Some(*event_id) => {
                acked_receipts.insert(id);
            }
            (Outcome::Acked(_), []) => words.push(format!("{id} was acked and is not there")),
            (Outcome::Acked(_), found) => words.push(format!(
                "{id} was acked as {:?} and is there as {found:?}",
                receipt.event_id
            )),
            (_, [_, _, ..]) => words.push(format!("{id} is there {} times", found.len())),
            _ => {}
        }
    }
    for receipt in &facts.entries.receipts {
        let id = receipt.provider_event_id.as_str();
        let refused = matches!(receipt.outcome, Outcome::Refused(_));
        if refused && stored.contains_key(id) && !acked_receipts.contains(id) {
            words.push(format!("{id} was refused and is there"));
        }
    }
    words.extend(lost_and_doubled_results(facts));
    words.extend(unfinished(facts));
    words
}

/// What a result said: of which event, whether it is a success, and of which repair.
type Said = (Uuid, bool, Option<String>);

/// A failure that was lost would show in nothing else: its event opens an incident later, and is repaired.
fn lost_and_doubled_results(facts: &Facts) -> Vec<String> {
    let mut counts = BTreeMap::<Said, [usize; 3]>::new();
    for result in &facts.entries.results {
        let said = (result.event_id, result.success, result.replay_id.clone());
        let [acked, ambiguous, _] = counts.entry(said).or_default();
        match result.outcome {
            Outcome::Acked(_) => *acked += 1,
            Outcome::Ambiguous => *ambiguous += 1,
            Outcome::Refused(_) => {}
        }
    }
    for kept in &facts.rows.results {
        let replay_id = kept.replay_id.map(|id| ReplayId::from_uuid(id).to_string());
        let said = (kept.event_id, kept.outcome == "success", replay_id);
        let [.., found] = counts.entry(said).or_default();
        *found += 1;
    }
    let wrong = counts
        .into_iter()
        .filter(|(_, [acked, ambiguous, found])| found < acked || *found > acked + ambiguous);
    let words = wrong.map(|((event, success, _), [acked, ambiguous, found])| {
        let what = if success { "successes" } else { "failures" };
        format!("{found} {what} of {event} are there, {acked} were acked and {ambiguous} may be")
    });
    words.collect()
}

/// The operator had everything repaired, so everything has succeeded in the end.
fn unfinished(facts: &Facts) -> Vec<String> {
    let mut words = Vec::new();
    for event in facts.rows.events.iter().filter(|event| event.effect != "succeeded") {
        words.push(format!("the event {} ended as {}", event.id, event.effect));
    }
    for incident in facts.rows.incidents.iter().filter(|incident| incident.state != "resolved") {
        words.push(format!("the incident {} is still {}", incident.id, incident.state));
    }
    let (waiting, parked) = facts.rows.outbox;
    if (waiting, parked) != (0, 0) {
        words.push(format!("{waiting} messages wait in the outbox, {parked} are parked"));
    }
    if facts.watches_running > 0 {
        words.push(format!("{} watches still run", facts.watches_running));
    }
    let settled: BTreeSet<_> = facts
        .rows
        .events
        .iter()
        .filter(|event| event.effect == "succeeded")
        .map(|event| event.id)
        .collect();
    for result in &facts.entries.results {
        if result.success && result.outcome.is_acked() && !settled.contains(&result.event_id) {
            words.push(format!("the success of {} was acked and did not count", result.event_id));
        }
    }
    words
}

/// I2.
pub(super) fn at_most_one_incident_per_event(facts: &Facts) -> Vec<String> {
    let by_event = incidents_by_event(facts);
    let doubled = by_event.iter().filter(|(_, incidents)| incidents.len() > 1);
    let rows = doubled.map(|(event, all)| format!("{event} has {} incidents", all.len()));
    let opened =
        facts.rows.audit.iter().filter(|it| it.action == "incident.opened" && it.entries > 1);
    rows.chain(
        opened.map(|it| format!("the incident of {} was opened {} times", it.event_id, it.entries)),
    )
    .collect()
}

/// The states of a reprocess that has ended and leaves its own entry.
const ENDS: [&str; 4] = ["succeeded", "failed", "no_result", "undelivered"];

/// I7.
pub(super) fn every_transition_is_audited_once(facts: &Facts) -> Vec<String> {
    let found: BTreeMap<_, _> =
        facts.rows.audit.iter().map(|it| ((it.event_id, it.action.as_str()), it.entries)).collect();
    let mut words = Vec::new();
    for ((event, action), count) in transitions(facts) {
        let entries = found.get(&(event, action)).copied().unwrap_or_default();
        if entries != count {
            words.push(format!(
                "{event} has {entries} entries of {action}, for {count} such transitions"
            ));
        }
    }
    words.extend(reprocesses_that_ended_twice(facts, &found));
    if facts.audit_can_be_changed {
        words.push("the product's role can change or delete entries of the audit".to_owned());
    }
    words
}

/// How often each action must stand in the audit of each event, by the rows that the transitions left.
fn transitions(facts: &Facts) -> BTreeMap<(Uuid, &'static str), i64> {
    let mut wanted = BTreeMap::<(Uuid, &str), i64>::new();
    let mut want = |event, action| *wanted.entry((event, action)).or_default() += 1;
    for event in &facts.rows.events {
        want(event.id, "receipt.accepted");
        if event.effect == "succeeded" {
            want(event.id, "result.succeeded");
        }
    }
    let mut event_of = BTreeMap::new();
    for incident in &facts.rows.incidents {
        event_of.insert(incident.id, incident.event_id);
        want(incident.event_id, "incident.opened");
        if incident.state == "resolved" {
            want(incident.event_id, "incident.resolved");
        }
    }
    for reprocess in &facts.rows.reprocesses {
        want(reprocess.event_id, "reprocess.requested");
        if reprocess.state == "succeeded" {
            want(reprocess.event_id, "reprocess.succeeded");
        }
    }
    for alert in facts.rows.alerts.iter().filter(|alert| alert.state == "delivered") {
        if let Some(event) = event_of.get(&alert.incident_id) {
            want(*event, "alert.delivered");
        }
    }
    wanted
}

/// A reprocess ends once; one that the success overtook ends without an entry of those.
fn reprocesses_that_ended_twice(facts: &Facts, found: &BTreeMap<(Uuid, &str), i64>) -> Vec<String> {
    let reprocesses = repeats(facts.rows.reprocesses.iter().map(|it| it.event_id));
    let mut words = Vec::new();
    for event in acked(facts) {
        let most = i64::try_from(reprocesses.get(&event).copied().unwrap_or(1)).unwrap_or(i64::MAX);
        let ends: i64 = ENDS
            .iter()
            .filter_map(|end| {
                let action = format!("reprocess.{end}");
                found.iter().find(|((of, known), _)| *of == event && *known == action)
            })
            .map(|(_, entries)| *entries)
            .sum();
        if ends > most {
            words.push(format!(
                "the reprocesses of {event} ended {ends} times, and there are {most}"
            ));
        }
    }
    words
}

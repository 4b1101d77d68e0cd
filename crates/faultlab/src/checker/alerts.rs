//! I5: people are told, all of them, by an alert or by a message about its cause, and not twice without a reason.

use domain::ids::{DestinationId, IncidentId};

use super::repeats;
use crate::facts::{Alert, Facts};

/// I5. A message comes once more for each attempt whose end the product did not learn: it failed, or whoever sent it
/// was killed.
pub(super) fn every_incident_alerts_every_destination(facts: &Facts) -> Vec<String> {
    let mut words = Vec::new();
    for incident in &facts.rows.incidents {
        for destination in
            facts.rows.destinations.iter().filter(|it| it.project_id == incident.project_id)
        {
            let alerts = || {
                facts.rows.alerts.iter().filter(|it| {
                    (it.incident_id, it.destination_id) == (incident.id, destination.id)
                })
            };
            if !alerts().any(|alert| alert.kind == "incident_opened") {
                words.push(format!(
                    "the incident {} has no alert to {}",
                    incident.id, destination.id
                ));
            } else if !alerts().any(|alert| ["delivered", "told"].contains(&alert.state.as_str())) {
                words.push(format!(
                    "nobody at {} was told of the incident {}",
                    destination.id, incident.id
                ));
            }
        }
    }
    let lost = ["pending", "folded", "given_up"];
    for alert in facts.rows.alerts.iter().filter(|it| lost.contains(&it.state.as_str())) {
        words.push(format!("the alert {} is {} in the end", alert.id, alert.state));
    }
    let delivered = facts.rows.alerts.iter().filter(|alert| alert.state == "delivered");
    for alert in delivered.filter(|alert| !has_arrived(facts, alert)) {
        words.push(format!("the alert {} counts as delivered, and never arrived", alert.id));
    }
    words.extend(copies(facts));
    words
}

/// Whether the destination got it: a mail is known by its id, a message to Slack by the incident that it leads to. Those of
/// other services are not told apart.
fn has_arrived(facts: &Facts, alert: &Alert) -> bool {
    let incident = IncidentId::from_uuid(alert.incident_id);
    let destination = facts.rows.destinations.iter().find(|it| it.id == alert.destination_id);
    let mut messages = facts.messages.iter();
    match destination.map(|it| it.kind.as_str()) {
        Some("email") => {
            let to = DestinationId::from_uuid(alert.destination_id);
            let id = format!("<{incident}.{}.{to}", alert.kind);
            messages.any(|message| message.identity.starts_with(&id))
        }
        Some("slack") => {
            let id = format!("slack {incident} ");
            messages.any(|message| message.identity.starts_with(&id))
        }
        _ => true,
    }
}

/// A copy may come for each attempt that failed or was not noted, and for each crash: the release before does not count
/// an attempt that it never noted. Slack's messages are told apart by incident and
/// heading, so those of several failed reprocesses count as copies.
fn copies(facts: &Facts) -> Vec<String> {
    let failed = facts.rows.alerts.iter().map(|alert| alert.attempts - 1).max().unwrap_or_default();
    let failed = usize::try_from(failed).unwrap_or_default();
    let reprocesses = repeats(facts.rows.reprocesses.iter().map(|it| it.event_id));
    let more = reprocesses.values().map(|count| count - 1).max().unwrap_or_default();
    let most = 1 + facts.crashes + failed + more;
    let copies = repeats(facts.messages.iter().map(|it| (it.shop, it.identity.as_str())));
    let too_many = copies.into_iter().filter(|(_, count)| *count > most);
    let words = too_many.map(|((shop, identity), count)| {
        format!(
            "{identity} came {count} times to shop {shop}, after {} crashes and {failed} failed attempts",
            facts.crashes
        )
    });
    words.collect()
}

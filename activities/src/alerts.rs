//! Telling people.
//!
//! One run of the activity is one try of one alert. The message goes out between two transactions: a
//! worker that dies in between sends it again, with the same `Message-ID`. A destination that is slow,
//! down or refuses is tried again for 24 hours and then given up, on the timeline; a Slack URL that is
//! gone is given up at once and marked as broken.

mod facts;

use std::sync::Arc;
use std::time::Duration;

use domain::alert::SlackUrl;
use domain::audit::{Action, Actor};
use domain::ids::AlertId;
use serde_json::{Value, json};
use store::alerts::{self as saved_alerts, Alert};
use store::audit::{self, Subject};
use store::{StoreError, destinations as saved, incidents};
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use workflows::activity_contract::{OfAlert, definition};

use crate::decide::{self, stored};
use crate::deps::Deps;
use crate::destinations::{self, FailureKind, SendFailure, Sent, Target};

/// The longest pause between two tries that we choose ourselves.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// Implements [`workflows::activity_contract::Alerts`].
pub struct Alerts {
    deps: Arc<Deps>,
}

impl Alerts {
    /// Alerts about the incidents of this database.
    #[must_use]
    pub const fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[activities]
#[expect(clippy::missing_errors_doc, reason = "each `?` inside says what it means")]
impl Alerts {
    #[activity(definition = definition::DeliverAlert)]
    pub async fn deliver_alert(
        self: Arc<Self>,
        _ctx: ActivityContext,
        of: OfAlert,
    ) -> Result<(), ActivityError> {
        deliver(&self.deps, of.alert_id).await
    }
}

/// One try, from the saved row to its end: the activity without a worker around it.
///
/// # Errors
/// When another try is due, or when the database fails.
pub async fn deliver(deps: &Deps, id: AlertId) -> Result<(), ActivityError> {
    let Some(alert) = stored(saved_alerts::find_alert(&deps.pool, id).await)? else {
        return Ok(());
    };
    if !alert.pending {
        return Ok(());
    }
    if alert.left.is_zero() {
        return stored(give_up(deps, &alert, "not delivered within 24 hours", false).await);
    }
    let target =
        stored(saved::find_target(&deps.pool, &deps.master_key, alert.destination_id).await)?;
    let Some((_, target)) = target else {
        return stored(give_up(deps, &alert, "the destination was removed", false).await);
    };
    let target = match target {
        saved::Target::Email(address) => Target::Email { address },
        saved::Target::Slack(url) => match SlackUrl::parse(&url, &deps.allow) {
            Ok(url) => Target::Slack { url },
            Err(error) => return stored(give_up(deps, &alert, &error.to_string(), true).await),
        },
    };
    let facts = stored(facts::gather(deps, &alert).await)?;
    let message_id = message_id(&alert, &deps.mail_domain);
    match destinations::send(&deps.senders, &target, &message_id, &facts).await {
        Ok(sent) => stored(note_delivery(deps, &alert, &sent).await),
        Err(failure) => note_failure(deps, &alert, failure).await,
    }
}

/// Fixed for one incident, kind and destination, so that a repeated mail is known as the same. Each
/// failed reprocess is news of its own, so that kind names it too.
fn message_id(alert: &Alert, domain: &str) -> String {
    let replay = alert.replay_id.map(|id| format!(".{id}")).unwrap_or_default();
    format!("<{}.{}.{}{replay}@{domain}>", alert.incident_id, alert.kind, alert.destination_id)
}

async fn note_delivery(deps: &Deps, alert: &Alert, sent: &Sent) -> Result<(), StoreError> {
    let mut tx = deps.pool.begin().await?;
    let attempts = saved_alerts::note_attempt(&mut *tx, alert.id, &sent.answer).await?;
    if saved_alerts::finish(&mut *tx, alert.id, true).await? {
        saved::mark_whole(&mut *tx, alert.destination_id).await?;
        let detail = json!({ "attempts": attempts });
        note(&mut tx, alert, Action::AlertDelivered, detail).await?;
    }
    Ok(tx.commit().await?)
}

/// A refusal may be a mail server's settings, so it is tried for 24 hours like everything else. The
/// next try is made when they have passed at the latest, and gives the alert up then.
async fn note_failure(
    deps: &Deps,
    alert: &Alert,
    failure: SendFailure,
) -> Result<(), ActivityError> {
    let attempts = stored(saved_alerts::note_attempt(&deps.pool, alert.id, &failure.answer).await)?;
    let wish = match failure.kind {
        FailureKind::Broken => return stored(give_up(deps, alert, &failure.answer, true).await),
        FailureKind::Permanent => None,
        FailureKind::Transient { retry_after } => retry_after,
    };
    Err(decide::retry_after(next_try(attempts, wish).min(alert.left), failure.answer))
}

/// How long to wait after so many tries: 5 s, then twice as long each time, up to half an hour. A
/// destination may ask for more, never for less.
fn next_try(attempts: i32, wish: Option<Duration>) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or_default().min(9);
    let planned = (Duration::from_secs(5) * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
    wish.map_or(planned, |wish| wish.max(planned))
}

async fn give_up(deps: &Deps, alert: &Alert, why: &str, broken: bool) -> Result<(), StoreError> {
    let mut tx = deps.pool.begin().await?;
    if broken && saved::mark_broken(&mut *tx, alert.destination_id).await? {
        note(&mut tx, alert, Action::DestinationBroken, json!({ "why": why })).await?;
    }
    if saved_alerts::finish(&mut *tx, alert.id, false).await? {
        note(&mut tx, alert, Action::AlertGivenUp, json!({ "why": why })).await?;
    }
    Ok(tx.commit().await?)
}

async fn note(
    tx: &mut store::PgConnection,
    alert: &Alert,
    action: Action,
    mut detail: Value,
) -> Result<(), StoreError> {
    let incident = incidents::find_incident(&mut *tx, alert.incident_id).await?;
    let project_id = incident.ok_or(StoreError::Missing("incidents"))?.project_id;
    detail["alert"] = json!(alert.kind);
    detail["destination_id"] = json!(alert.destination_id);
    let subject = Subject::incident(project_id, alert.event_id, alert.incident_id);
    audit::insert_entry(tx, &Actor::System, action, subject, detail).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_and_a_destination_can_only_lengthen_it() {
        let secs = Duration::from_secs;
        for (attempts, wish, pause) in [
            (1, None, secs(5)),
            (2, None, secs(10)),
            (100, None, LONGEST_PAUSE),
            (1, Some(Duration::ZERO), secs(5)),
            (3, Some(secs(1)), secs(20)),
            (1, Some(secs(90)), secs(90)),
        ] {
            assert_eq!(next_try(attempts, wish), pause, "{attempts} {wish:?}");
        }
    }
}

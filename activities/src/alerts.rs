//! Notifying people.
//!
//! One run of the activity is one attempt at one alert. The message goes out between two
//! transactions: the first claims the alert, the second keeps how it ended. A worker that dies in
//! between sends it again, with the same `Message-ID` or `webhook-id`. A message that a destination does not accept
//! waits as a row, and the pause until the next attempt is the destination's
//! ([`store::destination_health`]); [`crate::waiting`] sends it then. So no watch stays open for an
//! alert. After 24 hours an alert is given up; one that a newer alert of its incident makes stale
//! is superseded; one of an incident whose cause the destination knows already is folded, and the next
//! message about the cause ([`crate::notices`]) stands for it; one of a project that is not told now is held back, and
//! its digest stands for it. Each end is on the timeline.

mod facts;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use domain::alert::AlertFacts;
use domain::audit::detail::{AlertDetail, NotificationKind};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{AlertId, DestinationId, IncidentId, ProjectId};
use store::alert_claims::{self, AlertClaim, ClaimedAlert};
use store::alerts::{self as saved_alerts, Alert, AlertEnd};
use store::audit::{self, Subject};
use store::cause_threads::FirstAlert;
use store::destinations::{self as saved, SavedTarget};
use store::flows::About;
use store::pool::transaction;
use store::{PgConnection, StoreError, destination_health, incidents, notices};
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use workflows::activity_contract::{AlertInput, definition};

use crate::decide::stored;
use crate::deps::Deps;
use crate::destinations::{self, Recipient, SendFailure, Sent, Thread};
use crate::observed::observed;
use crate::waiting::{PACED, SendOutcome, count_failure, while_claimed};

/// How often an alert waits for its turn at a destination that takes a message a second; then it is
/// left to [`crate::waiting`].
const MAX_TURNS: usize = 5;

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
impl Alerts {
    #[activity(definition = definition::DeliverAlert)]
    pub async fn deliver_alert(
        self: Arc<Self>,
        ctx: ActivityContext,
        of: AlertInput,
    ) -> Result<(), ActivityError> {
        let about = About::Alert(of.alert_id);
        observed(&self.deps, &ctx, about, deliver(&self.deps, of.alert_id)).await
    }
}

/// One attempt, from the saved row to its end, when it is its turn: the activity without a worker
/// around it.
pub async fn deliver(deps: &Deps, id: AlertId) -> Result<(), ActivityError> {
    for _ in 0..MAX_TURNS {
        if stored(attempt(deps, id).await)? != SendOutcome::Paced {
            break;
        }
        tokio::time::sleep(PACED).await;
    }
    Ok(())
}

pub(crate) async fn attempt(deps: &Deps, id: AlertId) -> Result<SendOutcome, StoreError> {
    let claimed = transaction(&deps.pool, async |tx| claim(deps, tx, id).await).await?;
    let (claimed, saved) = match claimed {
        ControlFlow::Break(attempt) => return Ok(attempt),
        ControlFlow::Continue(claimed) => claimed,
    };
    crash_points::pass("alert.claimed");
    let facts = facts::gather(deps, &claimed.alert).await?;
    let (destination_id, conversation) = (claimed.alert.destination_id, claimed.conversation);
    let posted = saved_alerts::find_posted(&deps.pool, destination_id, conversation).await?;
    let (kind, project) = (saved.target.kind(), saved.project_id.to_string());
    let began = Instant::now();
    let sending = send(deps, &claimed, saved, posted, &facts);
    let renew = || alert_claims::renew_alert(&deps.pool, &claimed);
    let sent = while_claimed(sending, renew).await;
    crash_points::pass("alert.sent");
    telemetry::alert_attempt(kind, &project, sent.is_ok(), began.elapsed());
    match sent {
        Ok(sent) => {
            note_delivery(deps, &claimed, &sent).await?;
            crash_points::pass("alert.noted");
            Ok(SendOutcome::Delivered)
        }
        Err(failure) => {
            note_failure(deps, &claimed, &failure).await?;
            Ok(SendOutcome::LeftAlone)
        }
    }
}

/// Claims the alert, or ends what is not to be sent any more.
async fn claim(
    deps: &Deps,
    tx: &mut PgConnection,
    id: AlertId,
) -> Result<ControlFlow<SendOutcome, (ClaimedAlert, SavedTarget)>, StoreError> {
    let ended = match alert_claims::claim_alert(&mut *tx, id).await? {
        AlertClaim::Ended | AlertClaim::Held => SendOutcome::Ended,
        AlertClaim::Busy => SendOutcome::Busy,
        AlertClaim::LeftAlone => SendOutcome::LeftAlone,
        AlertClaim::Paced => SendOutcome::Paced,
        AlertClaim::GiveUp(alert, why) => {
            give_up(tx, &alert, why).await?;
            SendOutcome::Ended
        }
        AlertClaim::Supersede(alert) => {
            finish(tx, &alert, AlertEnd::Superseded, detail(&alert)).await?;
            SendOutcome::Ended
        }
        AlertClaim::Folded(project_id) => {
            telemetry::alert_folded(&project_id.to_string());
            SendOutcome::Ended
        }
        AlertClaim::Send(claimed) => {
            let id = claimed.alert.destination_id;
            let saved = saved::find_target(tx, &deps.master_key, id).await?;
            let saved = saved.ok_or(StoreError::Missing("destinations"))?;
            return Ok(ControlFlow::Continue((claimed, saved)));
        }
    };
    Ok(ControlFlow::Break(ended))
}

async fn send(
    deps: &Deps,
    claimed: &ClaimedAlert,
    saved: SavedTarget,
    posted: Option<String>,
    facts: &AlertFacts,
) -> Result<Sent, SendFailure> {
    let recipient = Recipient::from_saved(saved, &deps.allow)?;
    let thread = Thread { posted, ..thread(claimed, &deps.mail_domain) };
    Box::pin(destinations::send(&deps.senders, &recipient, claimed.alert.id, &thread, facts)).await
}

/// Each message's id is fixed for one incident, kind and destination, so that a repeated mail is
/// known as the same. Each failed reprocess is news of its own, so that kind names it too.
fn thread(claimed: &ClaimedAlert, domain: &str) -> Thread {
    let ClaimedAlert { alert, first, root, conversation, stands_for_cause, .. } = claimed;
    let Alert { incident_id, kind, replay_id, .. } = *alert;
    let id = |of: FirstAlert| message_id(of, alert.destination_id, domain);
    Thread {
        message_id: id(FirstAlert { incident_id, kind, replay_id }),
        first: first.map(|first| (id(first), first.kind)),
        root: root.map(id),
        conversation: Some(*conversation),
        posted: None,
        stands_for_cause: *stands_for_cause,
    }
}

/// The id in mail of an alert to a destination.
pub(crate) fn message_id(of: FirstAlert, destination_id: DestinationId, domain: &str) -> String {
    let replay = of.replay_id.map(|id| format!(".{id}")).unwrap_or_default();
    format!("<{}.{}.{destination_id}{replay}@{domain}>", of.incident_id, of.kind)
}

async fn note_delivery(
    deps: &Deps,
    ClaimedAlert { alert, conversation, .. }: &ClaimedAlert,
    sent: &Sent,
) -> Result<(), StoreError> {
    transaction(&deps.pool, async |tx| {
        note_sent(&mut *tx, alert.destination_id, Some(*conversation), sent).await?;
        let attempts = saved_alerts::note_attempt(&mut *tx, alert.id, &sent.answer).await?;
        let detail = AlertDetail { attempts: Some(attempts), ..detail(alert) };
        finish(tx, alert, AlertEnd::Delivered, detail).await
    })
    .await
}

/// Keeps that a destination took a message, and what it said of that and of the next one. Before the message itself is
/// noted: whoever claims one locks its destination first.
pub(crate) async fn note_sent(
    tx: &mut PgConnection,
    destination_id: DestinationId,
    conversation: Option<IncidentId>,
    sent: &Sent,
) -> Result<(), StoreError> {
    destination_health::note_success(&mut *tx, destination_id).await?;
    if let Some(pause) = sent.pause {
        destination_health::pause(&mut *tx, destination_id, pause).await?;
    }
    if let (Some(conversation), Some(posted)) = (conversation, &sent.posted) {
        saved_alerts::note_posted(tx, destination_id, conversation, posted).await?;
    }
    Ok(())
}

async fn note_failure(
    deps: &Deps,
    ClaimedAlert { alert, failures, .. }: &ClaimedAlert,
    failure: &SendFailure,
) -> Result<(), StoreError> {
    transaction(&deps.pool, async |tx| {
        let breaks = count_failure(tx, alert.destination_id, *failures, failure).await?;
        saved_alerts::note_attempt(&mut *tx, alert.id, &failure.answer).await?;
        if breaks {
            let why = Some(failure.answer.clone());
            let broken = AuditEvent::DestinationBroken(AlertDetail { why, ..detail(alert) });
            let project_id = note(&mut *tx, alert, &broken).await?;
            notices::enqueue_broken(tx, project_id, alert.destination_id).await?;
        }
        Ok(())
    })
    .await
}

async fn give_up(tx: &mut PgConnection, alert: &Alert, why: &str) -> Result<(), StoreError> {
    let detail = AlertDetail { why: Some(why.to_owned()), ..detail(alert) };
    finish(tx, alert, AlertEnd::GivenUp, detail).await
}

async fn finish(
    tx: &mut PgConnection,
    alert: &Alert,
    end: AlertEnd,
    detail: AlertDetail,
) -> Result<(), StoreError> {
    if saved_alerts::finish(&mut *tx, alert.id, end).await? {
        let ended = match end {
            AlertEnd::Delivered => AuditEvent::AlertDelivered(detail),
            AlertEnd::GivenUp => AuditEvent::AlertGivenUp(detail),
            AlertEnd::Superseded => AuditEvent::AlertSuperseded(detail),
        };
        note(tx, alert, &ended).await?;
    }
    Ok(())
}

async fn note(
    tx: &mut PgConnection,
    alert: &Alert,
    event: &AuditEvent,
) -> Result<ProjectId, StoreError> {
    let incident = incidents::find_incident(&mut *tx, alert.incident_id).await?;
    let project_id = incident.ok_or(StoreError::Missing("incidents"))?.project_id;
    let subject = Subject::incident(project_id, alert.event_id, alert.incident_id);
    audit::record(tx, &Actor::System, subject, event).await?;
    Ok(project_id)
}

/// What every entry about an alert says.
fn detail(alert: &Alert) -> AlertDetail {
    AlertDetail::new(NotificationKind::Alert(alert.kind), alert.destination_id)
}

//! Notifying people of what no single incident shows: that results never found their receipt, that
//! another destination broke, that automatic reprocesses stopped, that an extension does not answer,
//! that receipts stopped or came again, how a cause of several incidents stands, or what was held back. Each is reported
//! once a day at most, a silence and a digest once, a cause as `domain::alert::CauseMessage` says.
//!
//! There is a row of `notices` between what happened and the message. It waits for its destination
//! as alerts do ([`crate::waiting`]) and obeys the same back-off; it is claimed before each
//! attempt, so that several workers send it once. A worker that dies between the message and its
//! note sends it once more, with the same `Message-ID`. What a destination does not accept is
//! retried for 24 hours and then given up, in the audit.

mod facts;

use std::ops::ControlFlow;
use std::time::Instant;

use domain::audit::detail::{AlertDetail, NotificationKind};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{AlertId, DestinationId, ExtensionId, SilenceId};
use domain::notice::NoticeKind;
use store::audit::{self, Subject};
use store::destinations::{self as saved, SavedTarget};
use store::notices::{self, Notice, NoticeClaim, NoticeId, NoticeOutcome};
use store::pool::transaction;
use store::{
    PgConnection, StoreError, alert_holds, cause_messages, cause_threads, cause_waits, reminders,
    slack_presses, snoozes,
};

use crate::alerts::note_sent;
use crate::deps::Deps;
use crate::destinations::{self, NoticeMessage, Recipient, SendFailure, Sent};
use crate::waiting::{SendOutcome, count_failure, while_claimed};

/// Writes the notices that are due about results, about what people are told again and about snoozes that are over, and
/// forgets old ones.
pub async fn enqueue_due(deps: &Deps) -> Result<u64, StoreError> {
    let enqueued = notices::enqueue_notices(&deps.pool).await?
        + cause_waits::enqueue_due(&deps.pool).await?
        + snoozes::end_due(&deps.pool).await?;
    notices::delete_old(&deps.pool).await?;
    cause_threads::delete_old(&deps.pool).await?;
    alert_holds::delete_old(&deps.pool).await?;
    snoozes::delete_old(&deps.pool).await?;
    slack_presses::delete_old(&deps.pool).await?;
    reminders::delete_old(&deps.pool).await?;
    Ok(enqueued)
}

/// One attempt at one notice.
pub(crate) async fn attempt(deps: &Deps, id: NoticeId) -> Result<SendOutcome, StoreError> {
    let claimed = transaction(&deps.pool, async |tx| claim(deps, tx, id).await).await?;
    let (notice, saved) = match claimed {
        ControlFlow::Break(attempt) => return Ok(attempt),
        ControlFlow::Continue(claimed) => claimed,
    };
    let Some(message) = facts::gather(deps, &notice).await? else {
        let why = notices::why_moot(notice.kind);
        transaction(&deps.pool, async |tx| give_up(tx, &notice, why).await).await?;
        return Ok(SendOutcome::Ended);
    };
    let (kind, project, began) =
        (saved.target.kind(), saved.project_id.to_string(), Instant::now());
    let renew = || notices::renew_notice(&deps.pool, &notice);
    let sent = while_claimed(send(deps, saved, &message), renew).await;
    telemetry::alert_attempt(kind, &project, sent.is_ok(), began.elapsed());
    match sent {
        Ok(sent) => {
            note_delivery(deps, &notice, &sent).await?;
            Ok(SendOutcome::Delivered)
        }
        Err(failure) => {
            note_failure(deps, &notice, &failure).await?;
            Ok(SendOutcome::LeftAlone)
        }
    }
}

/// Claims the notice, or ends what is not to be sent any more.
async fn claim(
    deps: &Deps,
    tx: &mut PgConnection,
    id: NoticeId,
) -> Result<ControlFlow<SendOutcome, (Notice, SavedTarget)>, StoreError> {
    let ended = match notices::claim_notice(&mut *tx, id).await? {
        NoticeClaim::Ended => SendOutcome::Ended,
        NoticeClaim::LeftAlone => SendOutcome::LeftAlone,
        NoticeClaim::Paced => SendOutcome::Paced,
        NoticeClaim::Held => SendOutcome::Busy,
        NoticeClaim::GiveUp(notice, why) => {
            give_up(tx, &notice, &why).await?;
            SendOutcome::Ended
        }
        NoticeClaim::Send(notice) => {
            let saved = saved::find_target(tx, &deps.master_key, notice.destination_id).await?;
            let saved = saved.ok_or(StoreError::Missing("destinations"))?;
            return Ok(ControlFlow::Continue((notice, saved)));
        }
    };
    Ok(ControlFlow::Break(ended))
}

async fn send(
    deps: &Deps,
    saved: SavedTarget,
    message: &NoticeMessage,
) -> Result<Sent, SendFailure> {
    let recipient = Recipient::from_saved(saved, &deps.allow)?;
    Box::pin(destinations::send_notice(&deps.senders, &recipient, message)).await
}

async fn note_delivery(deps: &Deps, notice: &Notice, sent: &Sent) -> Result<(), StoreError> {
    transaction(&deps.pool, async |tx| {
        note_sent(&mut *tx, notice.destination_id, notice.conversation, sent).await?;
        let end = NoticeOutcome::Delivered(&sent.answer);
        finish(tx, notice, end, AuditEvent::AlertDelivered(detail(notice))).await
    })
    .await
}

async fn note_failure(
    deps: &Deps,
    notice: &Notice,
    failure: &SendFailure,
) -> Result<(), StoreError> {
    let (id, project_id) = (notice.destination_id, notice.project_id);
    transaction(&deps.pool, async |tx| {
        if count_failure(tx, id, notice.failures, failure).await? {
            let why = Some(failure.answer.clone());
            let broken = AuditEvent::DestinationBroken(AlertDetail { why, ..detail(notice) });
            audit::record(&mut *tx, &Actor::System, Subject::project(project_id), &broken).await?;
            notices::enqueue_broken(&mut *tx, project_id, id).await?;
        }
        if notice.last {
            return give_up(tx, notice, &failure.answer).await;
        }
        notices::note_attempt(tx, notice, NoticeOutcome::Failed(&failure.answer)).await.map(drop)
    })
    .await
}

/// The same for every attempt at one notice.
fn message_id(notice: &Notice, domain: &str) -> String {
    let Notice { destination_id, day, .. } = notice;
    let kind = match notice.kind {
        NoticeKind::ResultsUnclaimed => "results-unclaimed".to_owned(),
        NoticeKind::DestinationBroken => {
            let broken = notice.about.map(DestinationId::from_uuid);
            format!("destination-broken.{}", broken.map(|id| id.to_string()).unwrap_or_default())
        }
        NoticeKind::PolicyStopped => {
            let stop = notice.about.unwrap_or_default();
            format!("policy-stopped.{}", stop.simple())
        }
        NoticeKind::ExtensionSilent => {
            let silent = ExtensionId::from_uuid(notice.about.unwrap_or_default());
            format!("extension-silent.{silent}")
        }
        NoticeKind::ReceiptsSilent => format!("receipts-silent.{}", silence_id(notice)),
        NoticeKind::ReceiptsResumed => format!("receipts-resumed.{}", silence_id(notice)),
        NoticeKind::CauseUpdated => format!("cause-updated.{}", AlertId::from_uuid(notice.id)),
        NoticeKind::IncidentsWaiting => {
            format!("incidents-waiting.{}", AlertId::from_uuid(notice.about.unwrap_or_default()))
        }
        NoticeKind::AlertsDigest => format!("alerts-digest.{}", AlertId::from_uuid(notice.id)),
        NoticeKind::CauseEnded => format!("cause-ended.{}", AlertId::from_uuid(notice.id)),
    };
    format!("<{kind}.{destination_id}.{day}@{domain}>")
}

fn silence_id(notice: &Notice) -> SilenceId {
    SilenceId::from_uuid(notice.about.unwrap_or_default())
}

async fn give_up(tx: &mut PgConnection, notice: &Notice, why: &str) -> Result<(), StoreError> {
    let end = NoticeOutcome::GivenUp(why);
    let detail = AlertDetail { why: Some(why.to_owned()), ..detail(notice) };
    finish(tx, notice, end, AuditEvent::AlertGivenUp(detail)).await
}

async fn finish(
    tx: &mut PgConnection,
    notice: &Notice,
    end: NoticeOutcome<'_>,
    entry: AuditEvent,
) -> Result<(), StoreError> {
    if notices::note_attempt(&mut *tx, notice, end).await? {
        let subject = Subject::project(notice.project_id);
        audit::record(&mut *tx, &Actor::System, subject, &entry).await?;
        if notice.kind == NoticeKind::IncidentsWaiting && matches!(end, NoticeOutcome::Delivered(_))
        {
            reminders::note_told(&mut *tx, notice).await?;
        }
        if stands_for_alerts(notice.kind) {
            let Notice { id, project_id, destination_id, .. } = *notice;
            let given_up = match end {
                NoticeOutcome::GivenUp(why) => Some(why),
                NoticeOutcome::Delivered(_) | NoticeOutcome::Failed(_) => None,
            };
            cause_messages::finish_folded(tx, project_id, destination_id, id, given_up).await?;
        }
    }
    Ok(())
}

/// Whether alerts are folded into messages of this kind.
const fn stands_for_alerts(kind: NoticeKind) -> bool {
    match kind {
        NoticeKind::CauseUpdated | NoticeKind::CauseEnded | NoticeKind::AlertsDigest => true,
        NoticeKind::ResultsUnclaimed
        | NoticeKind::DestinationBroken
        | NoticeKind::PolicyStopped
        | NoticeKind::ExtensionSilent
        | NoticeKind::ReceiptsSilent
        | NoticeKind::ReceiptsResumed
        | NoticeKind::IncidentsWaiting => false,
    }
}

/// What every entry about a notice says.
fn detail(notice: &Notice) -> AlertDetail {
    AlertDetail::new(NotificationKind::Notice(notice.kind), notice.destination_id)
}

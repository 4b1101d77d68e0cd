//! Notifying people of what no single incident shows: that results never found their receipt, that
//! another destination broke, that automatic reprocesses stopped, that an extension does not answer,
//! that receipts stopped or came again, or how a cause of several incidents stands. Each is reported
//! once a day at most, a silence once, a cause as `domain::alert::CauseMessage` says.
//!
//! There is a row of `notices` between what happened and the message. It waits for its destination
//! as alerts do ([`crate::waiting`]) and obeys the same back-off; it is claimed before each
//! attempt, so that several workers send it once. A worker that dies between the message and its
//! note sends it once more, with the same `Message-ID`. What a destination does not accept is
//! retried for 24 hours and then given up, in the audit.

use std::ops::ControlFlow;

use domain::audit::detail::{AlertDetail, NotificationKind};
use domain::audit::{Action, Actor, AuditEvent};
use domain::extension::Unanswered;
use domain::ids::{AlertId, DestinationId, ExtensionId, SilenceId};
use domain::notice::{
    CauseFacts, DestinationBroken, ExtensionSilent, NoticeFacts, NoticeKind, NoticeOrigin,
    PolicyStopped, ReceiptsResumed, ReceiptsSilent, ResultsUnclaimed,
};
use store::audit::{self, Subject};
use store::destinations::{self as saved, SavedTarget};
use store::notices::{self, Notice, NoticeClaim, NoticeId, NoticeOutcome};
use store::pool::transaction;
use store::{
    PgConnection, StoreError, alerts, cause_messages, cause_threads, extension_calls, extensions,
    policies, projects, silences,
};

use crate::alerts::note_sent;
use crate::deps::Deps;
use crate::destinations::{self, NoticeMessage, Recipient, SendFailure, Sent};
use crate::waiting::{SendOutcome, count_failure, while_claimed};

/// Among how many of an extension's last calls the reason is looked for that a notice names.
const LAST_CALLS: i64 = 20;

/// Writes the notices about results that are due, and forgets old ones.
pub async fn enqueue_due(deps: &Deps) -> Result<u64, StoreError> {
    let enqueued = notices::enqueue_notices(&deps.pool).await?;
    notices::delete_old(&deps.pool).await?;
    cause_threads::delete_old(&deps.pool).await?;
    Ok(enqueued)
}

/// One attempt at one notice.
pub(crate) async fn attempt(deps: &Deps, id: NoticeId) -> Result<SendOutcome, StoreError> {
    let claimed = transaction(&deps.pool, async |tx| claim(deps, tx, id).await).await?;
    let (notice, saved) = match claimed {
        ControlFlow::Break(attempt) => return Ok(attempt),
        ControlFlow::Continue(claimed) => claimed,
    };
    let Some(message) = gather(deps, &notice).await? else {
        let moot = async |tx: &mut PgConnection| give_up(tx, &notice, notices::MOOT).await;
        transaction(&deps.pool, moot).await?;
        return Ok(SendOutcome::Ended);
    };
    let renew = || notices::renew_notice(&deps.pool, &notice);
    match while_claimed(send(deps, saved, &message), renew).await {
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
        NoticeKind::CauseEnded => format!("cause-ended.{}", AlertId::from_uuid(notice.id)),
    };
    format!("<{kind}.{destination_id}.{day}@{domain}>")
}

/// What the notice says; `None` if that holds no longer.
async fn gather(deps: &Deps, notice: &Notice) -> Result<Option<NoticeMessage>, StoreError> {
    let project = projects::find_project(&deps.pool, notice.project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    let root = cause_messages::find_root(&deps.pool, notice.id).await?;
    let root =
        root.map(|of| crate::alerts::message_id(of, notice.destination_id, &deps.mail_domain));
    let posted = match notice.conversation {
        Some(conversation) => {
            alerts::find_posted(&deps.pool, notice.destination_id, conversation).await?
        }
        None => None,
    };
    Ok(gather_facts(deps, notice).await?.map(|facts| NoticeMessage {
        id: AlertId::from_uuid(notice.id),
        message_id: message_id(notice, &deps.mail_domain),
        root,
        happened_at: notice.until,
        origin: NoticeOrigin {
            project_id: project.id,
            project_name: project.name,
            mode: project.mode,
        },
        facts,
        conversation: notice.conversation,
        posted,
    }))
}

async fn gather_facts(deps: &Deps, notice: &Notice) -> Result<Option<NoticeFacts>, StoreError> {
    Ok(match notice.kind {
        NoticeKind::ResultsUnclaimed => {
            Some(NoticeFacts::ResultsUnclaimed(gather_unclaimed(deps, notice).await?))
        }
        NoticeKind::DestinationBroken => {
            gather_broken(deps, notice).await?.map(NoticeFacts::DestinationBroken)
        }
        NoticeKind::PolicyStopped => {
            gather_stop(deps, notice).await?.map(NoticeFacts::PolicyStopped)
        }
        NoticeKind::ExtensionSilent => {
            gather_silent(deps, notice).await?.map(NoticeFacts::ExtensionSilent)
        }
        NoticeKind::ReceiptsSilent => {
            gather_silence(deps, notice).await?.map(NoticeFacts::ReceiptsSilent)
        }
        NoticeKind::ReceiptsResumed => {
            gather_resumed(deps, notice).await?.map(NoticeFacts::ReceiptsResumed)
        }
        NoticeKind::CauseUpdated => {
            gather_cause(deps, notice).await?.map(NoticeFacts::CauseUpdated)
        }
        NoticeKind::CauseEnded => gather_cause(deps, notice).await?.map(NoticeFacts::CauseEnded),
    })
}

async fn gather_unclaimed(deps: &Deps, notice: &Notice) -> Result<ResultsUnclaimed, StoreError> {
    let Notice { project_id, since, until, .. } = *notice;
    let found = notices::find_unclaimed(&deps.pool, Some(project_id), since, until).await?;
    Ok(ResultsUnclaimed {
        count: found.count,
        failures: found.failures,
        provider_event_ids: found.provider_event_ids,
        audit_url: format!(
            "{}/audit?action={}&subject={project_id}&from={}",
            deps.public_url,
            Action::ResultUnclaimed,
            since.date(),
        ),
    })
}

async fn gather_broken(
    deps: &Deps,
    notice: &Notice,
) -> Result<Option<DestinationBroken>, StoreError> {
    let all = saved::list_destinations(&deps.pool, Some(notice.project_id)).await?;
    let broken = all.into_iter().find(|one| Some(one.id.as_uuid()) == notice.about);
    let Some((broken, broken_at)) = broken.and_then(|one| one.broken_at.map(|at| (one, at))) else {
        return Ok(None);
    };
    Ok(Some(DestinationBroken {
        answer: alerts::find_last_answer(&deps.pool, broken.id).await?,
        destination_id: broken.id,
        label: broken.label,
        kind: broken.kind,
        broken_at,
        destinations_url: format!(
            "{}/projects/{}/destinations",
            deps.public_url, notice.project_id
        ),
    }))
}

async fn gather_stop(deps: &Deps, notice: &Notice) -> Result<Option<PolicyStopped>, StoreError> {
    let Some(id) = notice.about else { return Ok(None) };
    let stop = policies::find_stop(&deps.pool, id).await?;
    Ok(stop.map(|stop| PolicyStopped {
        effect_type: stop.effect_type,
        event_type: stop.event_type,
        reason: stop.reason,
        error_code: stop.error_code,
        why: stop.why,
        policies_url: format!("{}/projects/{}/policies", deps.public_url, notice.project_id),
    }))
}

async fn gather_silent(
    deps: &Deps,
    notice: &Notice,
) -> Result<Option<ExtensionSilent>, StoreError> {
    let Some(id) = notice.about.map(ExtensionId::from_uuid) else { return Ok(None) };
    let Some(extension) = extensions::find_extension(&deps.pool, id).await? else {
        return Ok(None);
    };
    let kind = extension.target.kind();
    let calls = extension_calls::list_last(&deps.pool, id, LAST_CALLS).await?;
    let mut silences = calls.iter().filter_map(|call| call.silence.as_ref());
    let last = silences.find(|silence| silence.why != Unanswered::Busy);
    Ok(Some(ExtensionSilent {
        extension_id: id,
        name: extension.name(),
        point: extension.point,
        unanswered: extension.unanswered_in_a_row,
        last: last.map(|silence| silence.sentence(kind)),
        extension_url: format!(
            "{}/projects/{}/extensions/{id}",
            deps.public_url, notice.project_id
        ),
    }))
}

fn silence_id(notice: &Notice) -> SilenceId {
    SilenceId::from_uuid(notice.about.unwrap_or_default())
}

async fn gather_silence(
    deps: &Deps,
    notice: &Notice,
) -> Result<Option<ReceiptsSilent>, StoreError> {
    let silence = silences::find_silence(&deps.pool, silence_id(notice)).await?;
    let lasting = silence.filter(|silence| silence.ended_at.is_none());
    Ok(lasting.map(|silence| ReceiptsSilent {
        silence_id: silence.id,
        event_type: silence.event_type,
        since: silence.since,
        usual: silence.usual,
        project_url: project_url(deps, notice),
    }))
}

async fn gather_resumed(
    deps: &Deps,
    notice: &Notice,
) -> Result<Option<ReceiptsResumed>, StoreError> {
    let silence = silences::find_silence(&deps.pool, silence_id(notice)).await?;
    Ok(silence.and_then(|silence| {
        Some(ReceiptsResumed {
            silence_id: silence.id,
            event_type: silence.event_type,
            since: silence.since,
            resumed_at: silence.resumed_at?,
            project_url: project_url(deps, notice),
        })
    }))
}

async fn gather_cause(deps: &Deps, notice: &Notice) -> Result<Option<CauseFacts>, StoreError> {
    let facts = cause_messages::gather(&deps.pool, notice.id).await?;
    Ok(facts.map(|facts| {
        let cause_url = format!("{}/incidents?cause={}", deps.public_url, facts.cause.id());
        CauseFacts { cause_url, ..facts }
    }))
}

fn project_url(deps: &Deps, notice: &Notice) -> String {
    format!("{}/projects/{}", deps.public_url, notice.project_id)
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
        if matches!(notice.kind, NoticeKind::CauseUpdated | NoticeKind::CauseEnded) {
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

/// What every entry about a notice says.
fn detail(notice: &Notice) -> AlertDetail {
    AlertDetail::new(NotificationKind::Notice(notice.kind), notice.destination_id)
}

//! Telling people what no single incident tells: that results never found their receipt, and that
//! another destination broke. Each is told once a day at most.
//!
//! Every worker process looks once a minute. A row of `notices` stands between what happened and the
//! message; it is claimed before each attempt, so that several workers send it once. A worker that dies
//! between the message and its note sends it once more, with the same `Message-ID`. What a destination
//! does not take is tried again for 24 hours and then given up, in the audit.

use std::time::Duration;

use domain::audit::detail::{AlertDetail, ToldKind};
use domain::audit::{Action, Actor, AuditEvent};
use domain::notice::{DestinationBroken, NoticeKind, NoticeOrigin, NoticeText, ResultsUnclaimed};
use store::audit::{self, Subject};
use store::notices::{self, AttemptEnd, Notice};
use store::pool::transaction;
use store::{StoreError, alerts, destinations as saved, projects};

use crate::deps::Deps;
use crate::destinations::{self, Target};

/// From one attempt to the next, longer than any attempt takes.
const PAUSE: Duration = Duration::from_mins(30);

/// Sends every notice that is due; how many attempts were made.
///
/// # Errors
/// When the database fails. A message that is not taken is no error here.
pub async fn send_due(deps: &Deps) -> Result<usize, StoreError> {
    notices::enqueue_notices(&deps.pool).await?;
    let mut attempts = 0;
    while let Some(notice) = notices::claim_notice(&deps.pool, PAUSE).await? {
        attempt(deps, &notice).await?;
        attempts += 1;
    }
    notices::delete_old(&deps.pool).await?;
    Ok(attempts)
}

async fn attempt(deps: &Deps, notice: &Notice) -> Result<(), StoreError> {
    let id = notice.destination_id;
    let Some((_, saved)) = saved::find_target(&deps.pool, &deps.master_key, id).await? else {
        return give_up(deps, notice, "the destination was removed").await;
    };
    let Some(text) = gather(deps, notice).await? else {
        return give_up(deps, notice, "it works again, or was removed").await;
    };
    let sent = match Target::from_saved(saved, &deps.allow) {
        Ok(target) => {
            let message_id = message_id(notice, &deps.mail_domain);
            Box::pin(destinations::send_notice(&deps.senders, &target, &message_id, &text)).await
        }
        Err(failure) => Err(failure),
    };
    match sent {
        Ok(sent) => {
            let end = AttemptEnd::Delivered(&sent.answer);
            finish(deps, notice, end, AuditEvent::AlertDelivered(detail(notice))).await
        }
        Err(failure) if notice.last => give_up(deps, notice, &failure.answer).await,
        Err(failure) => {
            let end = AttemptEnd::Failed(&failure.answer);
            notices::note_attempt(&deps.pool, notice, end).await.map(|_| ())
        }
    }
}

/// The same for every attempt at one notice.
fn message_id(notice: &Notice, domain: &str) -> String {
    let Notice { destination_id, day, .. } = notice;
    match notice.about {
        None => format!("<results-unclaimed.{destination_id}.{day}@{domain}>"),
        Some(broken) => format!("<destination-broken.{broken}.{destination_id}.{day}@{domain}>"),
    }
}

/// What the notice says; `None` if that holds no longer.
async fn gather(deps: &Deps, notice: &Notice) -> Result<Option<NoticeText>, StoreError> {
    let project = projects::find_project(&deps.pool, notice.project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    let origin = NoticeOrigin { project_name: project.name, mode: project.mode };
    match notice.kind {
        NoticeKind::ResultsUnclaimed => {
            Ok(Some(gather_unclaimed(deps, notice).await?.text(&origin)))
        }
        NoticeKind::DestinationBroken => {
            Ok(gather_broken(deps, notice).await?.map(|broken| broken.text(&origin)))
        }
    }
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
    let broken = all.into_iter().find(|one| Some(one.id) == notice.about);
    let Some((broken, broken_at)) = broken.and_then(|one| one.broken_at.map(|at| (one, at))) else {
        return Ok(None);
    };
    Ok(Some(DestinationBroken {
        answer: alerts::find_last_answer(&deps.pool, broken.id).await?,
        label: broken.label,
        is_slack: broken.kind == "slack",
        broken_at,
        destinations_url: format!(
            "{}/projects/{}/destinations",
            deps.public_url, notice.project_id
        ),
    }))
}

async fn give_up(deps: &Deps, notice: &Notice, why: &str) -> Result<(), StoreError> {
    let end = AttemptEnd::GivenUp(why);
    let detail = AlertDetail { why: Some(why.to_owned()), ..detail(notice) };
    finish(deps, notice, end, AuditEvent::AlertGivenUp(detail)).await
}

async fn finish(
    deps: &Deps,
    notice: &Notice,
    end: AttemptEnd<'_>,
    entry: AuditEvent,
) -> Result<(), StoreError> {
    transaction(&deps.pool, async |tx| {
        if notices::note_attempt(&mut *tx, notice, end).await? {
            let subject = Subject::project(notice.project_id);
            audit::record(&mut *tx, &Actor::System, subject, &entry).await?;
        }
        Ok(())
    })
    .await
}

/// What every entry about a notice says.
fn detail(notice: &Notice) -> AlertDetail {
    AlertDetail::new(ToldKind::Notice(notice.kind), notice.destination_id)
}

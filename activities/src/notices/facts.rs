//! What a notice says, read when it is sent.

use domain::audit::Action;
use domain::extension::Unanswered;
use domain::ids::{AlertId, ExtensionId};
use domain::notice::{
    CauseFacts, DestinationBroken, DigestFacts, ExtensionSilent, NoticeFacts, NoticeKind,
    NoticeOrigin, PolicyStopped, ReceiptsResumed, ReceiptsSilent, ResultsUnclaimed, WaitingFacts,
};
use store::notices::{self, Notice};
use store::{
    StoreError, alert_digests, alerts, cause_messages, destinations as saved, extension_calls,
    extensions, policies, projects, reminders, silences,
};

use super::silence_id;
use crate::deps::Deps;
use crate::destinations::NoticeMessage;

/// Among how many of an extension's last calls the reason is looked for that a notice names.
const LAST_CALLS: i64 = 20;

/// What the notice says; `None` if that holds no longer.
pub(super) async fn gather(
    deps: &Deps,
    notice: &Notice,
) -> Result<Option<NoticeMessage>, StoreError> {
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
        message_id: super::message_id(notice, &deps.mail_domain),
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
        NoticeKind::IncidentsWaiting => {
            gather_waiting(deps, notice).await?.map(NoticeFacts::IncidentsWaiting)
        }
        NoticeKind::AlertsDigest => {
            gather_digest(deps, notice).await?.map(NoticeFacts::AlertsDigest)
        }
    })
}

async fn gather_unclaimed(deps: &Deps, notice: &Notice) -> Result<ResultsUnclaimed, StoreError> {
    let Notice { project_id, since, until, .. } = *notice;
    let found = notices::find_unclaimed(&deps.pool, Some(project_id), None, since, until).await?;
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
        answer: broken.last_failure,
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
        let of = format!("cause={}", facts.cause.id());
        let cause_url = list_url(&deps.public_url, &of, facts.states.total() == 0);
        CauseFacts { cause_url, ..facts }
    }))
}

async fn gather_waiting(deps: &Deps, notice: &Notice) -> Result<Option<WaitingFacts>, StoreError> {
    let Some(id) = notice.about else { return Ok(None) };
    let facts = reminders::gather(&deps.pool, id).await?;
    Ok(facts.map(|facts| {
        let list = match &facts.cause {
            Some(cause) => format!("cause={}", cause.id()),
            None => format!("project={}", notice.project_id),
        };
        let incidents_url = list_url(&deps.public_url, &list, facts.incidents == 0);
        WaitingFacts { incidents_url, ..facts }
    }))
}

async fn gather_digest(deps: &Deps, notice: &Notice) -> Result<Option<DigestFacts>, StoreError> {
    let facts = alert_digests::gather(&deps.pool, notice.id).await?;
    Ok(facts.map(|facts| {
        let of = format!("project={}", notice.project_id);
        let incidents_url = list_url(&deps.public_url, &of, facts.count_left() == 0);
        DigestFacts { incidents_url, ..facts }
    }))
}

/// The list of a cause or a project. It has what is not resolved alone, so where all of it is, all of it is asked for.
fn list_url(public_url: &str, of: &str, is_over: bool) -> String {
    let state = if is_over { "&state=all" } else { "" };
    format!("{public_url}/incidents?{of}{state}")
}

fn project_url(deps: &Deps, notice: &Notice) -> String {
    format!("{}/projects/{}", deps.public_url, notice.project_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_leads_to_a_list_that_has_it() {
        let url = |is_over| list_url("https://sendpromptly.cometcart.test", "cause=cau_1", is_over);
        assert_eq!(url(false), "https://sendpromptly.cometcart.test/incidents?cause=cau_1");
        assert_eq!(
            url(true),
            "https://sendpromptly.cometcart.test/incidents?cause=cau_1&state=all"
        );
    }
}

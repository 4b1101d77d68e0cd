//! Mailing operators that a comment mentions them.
//!
//! What the mail says is read when it is sent, so that words that were erased since are not sent. A failure is logged,
//! and tried again by [`store::mentions`].

use domain::alert::{heading_opened, one_line};
use domain::ids::{CauseId, IncidentId};
use domain::mention::MentionFacts;
use domain::timeline::actor_name;
use store::mentions::{self, Mention};
use store::pool::transaction;
use store::search::causes::find_cause;
use store::{StoreError, comments, events, incidents, projects};

use crate::deps::Deps;
use crate::destinations;

/// Sends what is due, one after the other; how many there were.
pub async fn send_due(deps: &Deps) -> Result<usize, StoreError> {
    let mut due = 0;
    while let Some(mention) = mentions::claim_next(&deps.pool).await? {
        Box::pin(attempt(deps, &mention)).await?;
        due += 1;
    }
    Ok(due)
}

async fn attempt(deps: &Deps, mention: &Mention) -> Result<(), StoreError> {
    let facts = gather(deps, mention).await?;
    let (Some(email), Some(facts)) = (&mention.email, facts) else {
        return mentions::drop_moot(&deps.pool, mention).await;
    };
    let Mention { entry_id, operator_id, .. } = mention;
    let message_id = format!("<mention.{entry_id}.{operator_id}@{}>", deps.mail_domain);
    let sent = destinations::send_mention(&deps.senders, email, &message_id, &facts);
    match Box::pin(sent).await {
        Ok(_) => mentions::note_delivered(&deps.pool, mention).await,
        Err(failure) if mention.last => {
            let why = one_line(&failure.answer);
            transaction(&deps.pool, async |tx| mentions::give_up(tx, mention, email, &why).await)
                .await
        }
        Err(failure) => {
            let answer = one_line(&failure.answer);
            tracing::warn!(comment = %entry_id, %answer, "somebody could not be told of a comment yet");
            mentions::note_failed(&deps.pool, mention).await
        }
    }
}

/// What the mail says; `None` once the comment is gone.
async fn gather(deps: &Deps, mention: &Mention) -> Result<Option<MentionFacts>, StoreError> {
    let Some(comment) = comments::find_comment(&deps.pool, mention.entry_id).await? else {
        return Ok(None);
    };
    let Some(project) = projects::find_project(&deps.pool, mention.project_id).await? else {
        return Ok(None);
    };
    let about = match (mention.incident_id, mention.cause_id) {
        (Some(id), _) => about_incident(deps, id).await?,
        (None, Some(id)) => about_cause(deps, id).await?,
        (None, None) => None,
    };
    Ok(about.map(|(about, url)| MentionFacts {
        author: actor_name(&comment.author),
        about,
        project_name: project.name,
        mode: project.mode,
        text: comment.text,
        url,
    }))
}

/// What a page begins with, and where it is.
async fn about_incident(
    deps: &Deps,
    id: IncidentId,
) -> Result<Option<(String, String)>, StoreError> {
    let Some(incident) = incidents::find_incident(&deps.pool, id).await? else { return Ok(None) };
    let event = events::find_event(&deps.pool, incident.event_id).await?;
    Ok(event.map(|event| {
        let reference = one_line(&event.internal_reference);
        let about = heading_opened(&event.effect_type, &reference, incident.reason);
        (about, deps.incident_url(id))
    }))
}

async fn about_cause(deps: &Deps, id: CauseId) -> Result<Option<(String, String)>, StoreError> {
    let cause = find_cause(&deps.pool, id).await?;
    let url = format!("{}/incidents?cause={id}", deps.public_url);
    Ok(cause.map(|cause| (cause.title(), url)))
}

//! `destination test`: a real message by the real way, and the real answer.
//!
//! The message says that it is a test. Its answer is kept in the audit, and it changes what is known
//! of the destination as an alert's answer would: one that goes through mends it, one that says
//! "gone for good" breaks it. A crash in between leaves a message that the audit does not know.

use activities::destinations::{self as outbound, FailureKind, SendFailure, Sent};
use domain::alert::{AlertFacts, AlertKind, SlackUrl};
use domain::catalogue::{EffectType, Provider};
use domain::ids::{DestinationId, EventId, IncidentId};
use domain::incident::Reason;
use serde::Serialize;
use store::administration::destination::{TestOutcome, note_test};
use store::destinations::{self, Target};
use store::pool;
use store::projects::Project;
use time::{Duration, OffsetDateTime};

use crate::answer::Answer;
use crate::desk::Desk;
use crate::failure::{Failure, no_such, parse_id};
use crate::progress::while_waiting;
use crate::{Context, local, random, senders};

pub const HELP: &str = "\
Example:
  sendpromptly destination test dst_01K9QE0A1B2C3D4E5F6G7H8J9K

The exit code is 1 when the other side refuses. A Slack channel that was broken is used again once a
test went through.";

#[derive(Serialize)]
struct Tested<'a> {
    destination_id: DestinationId,
    kind: &'static str,
    delivered: bool,
    answer: &'a str,
}

pub(super) async fn run(id: &str, context: &Context) -> anyhow::Result<Answer> {
    let id: DestinationId = parse_id("destination", id)?;
    let desk = Desk::open(context).await?;
    let key = desk.master_key().await?;
    let found = destinations::find_target(&desk.pool, &key, id).await?;
    let (project_id, target) = found.ok_or_else(|| no_such("destination", id))?;
    let project = desk.project(&project_id.to_string()).await?;
    let outcome = send(&desk, context, &project, (id, &target)).await?;
    note(&desk, &project, id, &outcome).await?;
    match outcome {
        Ok(Sent { answer }) => {
            let human = format!("Delivered. The answer: {answer}");
            let kind = target.kind();
            Answer::new(
                &Tested { destination_id: id, kind, delivered: true, answer: &answer },
                human,
            )
        }
        Err(failure) => Err(refusal(&target, &failure).into()),
    }
}

async fn send(
    desk: &Desk,
    context: &Context,
    project: &Project,
    (id, target): (DestinationId, &Target),
) -> anyhow::Result<Result<Sent, SendFailure>> {
    let allow = desk.callback_allow()?;
    let to = match target {
        Target::Email(address) => outbound::Target::Email { address: address.clone() },
        Target::Slack(url) => {
            let url = SlackUrl::parse(url, &allow);
            let url = url.map_err(|error| Failure::Validation(error.to_string()))?;
            outbound::Target::Slack { url }
        }
    };
    let senders = match (desk.dev(), target) {
        (Some(_), _) => {
            let folder = local::mail_dir(&context.data_dir);
            senders::set_up(&context.environment, allow, Some(folder))?
        }
        (None, Target::Email(_)) => senders::set_up(&context.environment, allow, None)?,
        (None, Target::Slack(_)) => senders::of_worker(&context.environment, allow)?,
    };
    let domain = senders::mail_domain(&context.environment.mail_from()?);
    let nonce = hex::encode(random::bytes::<8>()?);
    let message_id = format!("<test.{id}.{nonce}@{domain}>");
    let facts = facts(project, id, public_url(desk, context)?);
    let sending = Box::pin(outbound::send(&senders, &to, &message_id, &facts));
    Ok(while_waiting("waiting for the answer", sending).await)
}

async fn note(
    desk: &Desk,
    project: &Project,
    id: DestinationId,
    outcome: &Result<Sent, SendFailure>,
) -> anyhow::Result<()> {
    let ended = match outcome {
        Ok(sent) => TestOutcome::Delivered(&sent.answer),
        Err(SendFailure { kind: FailureKind::Broken, answer }) => TestOutcome::Broken(answer),
        Err(failure) => TestOutcome::Refused(&failure.answer),
    };
    let mut tx = desk.begin().await?;
    note_test(&mut tx, &desk.actor, project.id, id, ended).await?;
    Ok(pool::commit(tx).await?)
}

fn refusal(target: &Target, failure: &SendFailure) -> Failure {
    let meaning = match failure.kind {
        FailureKind::Transient { .. } => "it may work later",
        FailureKind::Permanent => "it will not work as it is",
        FailureKind::Broken => "nothing will arrive there any more, so it is marked as broken",
    };
    let kind = target.kind();
    Failure::Undelivered(format!("the {kind} message was not taken, {meaning}: {}", failure.answer))
}

/// An incident that never was. Its ids are the destination's, so nobody can mistake them for others.
fn facts(project: &Project, id: DestinationId, public_url: String) -> AlertFacts {
    let now = OffsetDateTime::now_utc();
    let received_at = now - Duration::minutes(i64::from(project.timeout_minutes));
    AlertFacts {
        kind: AlertKind::IncidentOpened,
        test_message: true,
        project_name: project.name.clone(),
        mode: project.mode,
        provider: Provider::Stripe,
        event_type: "checkout.session.completed".into(),
        effect_type: EffectType::CreditGrant,
        internal_reference: "user_123".into(),
        provider_event_id: "evt_test".into(),
        incident_id: IncidentId::from_uuid(id.as_uuid()),
        event_id: EventId::from_uuid(id.as_uuid()),
        reason: Reason::MissingResult,
        error_code: None,
        error_message: None,
        received_at,
        timeout_at: now,
        opened_at: now,
        happened_at: now,
        resolution: None,
        reprocess_ending: None,
        timeout_minutes: project.timeout_minutes,
        last_answer: None,
        incident_url: public_url,
    }
}

/// The console itself: there is no incident to lead to.
fn public_url(desk: &Desk, context: &Context) -> anyhow::Result<String> {
    match desk.dev() {
        Some(dev) => Ok(dev.url.clone()),
        None => Ok(context.environment.public_url(context.environment.listen()?)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivered_test_shows_the_answer_as_it_came() {
        let destination_id = "dst_00000000000000000000000001".parse().expect("an id");
        let tested = Tested { destination_id, kind: "slack", delivered: true, answer: "200 ok" };
        assert_eq!(
            serde_json::to_string(&tested).expect("json"),
            r#"{"destination_id":"dst_00000000000000000000000001","kind":"slack","delivered":true,"answer":"200 ok"}"#
        );
    }

    #[test]
    fn a_refused_test_says_what_the_other_side_said_and_what_it_means() {
        let failure = SendFailure { kind: FailureKind::Broken, answer: "404 no_service".into() };
        let failure = refusal(&Target::Slack(String::new()), &failure);
        assert_eq!(failure.code(), "undelivered");
        assert_eq!(
            failure.to_string(),
            "the slack message was not taken, nothing will arrive there any more, so it is marked \
             as broken: 404 no_service"
        );
    }
}

//! `destination test`: a real message over the real path, and the real response.
//!
//! What is sent, and what its response changes, is [`activities::test_message`]'s; here it is
//! printed.

use std::sync::Arc;

use activities::Deps;
use activities::destinations::{FailureKind, Recipient, SendFailure, Senders, Sent};
use activities::test_message::{TestMessage, send_test_message};
use domain::destination::DestinationKind;
use domain::ids::DestinationId;
use domain::repair_url::AllowedNetworks;
use sendpromptly::delivery;
use serde::Serialize;
use store::MasterKey;
use store::destinations::{self, SavedTarget};

use crate::admin_context::{self, AdminContext};
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::{Context, local, senders};

pub const HELP: &str = "\
Example:
  sendpromptly destination test dst_01K9QE0A1B2C3D4E5F6G7H8J9K

The exit code is 1 when the destination does not accept the message. A broken destination works again after \
a successful test, and the alerts that wait for it are sent.";

#[derive(Serialize)]
struct Tested<'a> {
    destination_id: DestinationId,
    kind: &'static str,
    delivered: bool,
    answer: &'a str,
}

pub(super) async fn run(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let id: DestinationId = parse_id("destination", id)?;
    let admin = AdminContext::open(context).await?;
    let key = admin.master_key().await?;
    let mut db = admin.pool.acquire().await?;
    let found = destinations::find_target(&mut db, &key, id).await?;
    drop(db);
    let target = found.ok_or_else(|| no_such("destination", id))?;
    let deps = deps(&admin, context, key, &target)?;
    let sending = send_test_message(&deps, id, &admin.actor);
    let test_message = while_waiting("waiting for the response", sending).await?;
    let TestMessage { kind, outcome } = test_message.ok_or_else(|| no_such("destination", id))?;
    match outcome {
        Ok(Sent { answer, .. }) => {
            let human = format!("Delivered. The response: {answer}");
            let tested = Tested { destination_id: id, kind, delivered: true, answer: &answer };
            CommandOutput::new(&tested, human)
        }
        Err(failure) => Err(rejection(kind, &failure).into()),
    }
}

/// What the message leaves by; what is missing for it is said before anything is sent.
fn deps(
    admin: &AdminContext,
    context: &Context,
    key: MasterKey,
    saved: &SavedTarget,
) -> anyhow::Result<Deps> {
    let allow = admin.callback_allow()?;
    let senders = senders_for(admin, context, saved, allow.clone())?;
    Ok(Deps {
        pool: admin.pool.clone(),
        master_key: key,
        http: senders.http.clone(),
        allow,
        senders,
        public_url: public_url(admin, context)?,
        mail_domain: senders::mail_domain(&context.environment.mail_from()?),
        dead_man: None,
    })
}

fn senders_for(
    admin: &AdminContext,
    context: &Context,
    saved: &SavedTarget,
    allow: AllowedNetworks,
) -> anyhow::Result<Senders> {
    Recipient::from_saved(saved.clone(), &allow)
        .map_err(|rejected| Failure::Validation(rejected.answer))?;
    let kind = saved.target.kind_of();
    if kind == DestinationKind::Activity {
        let engine = Arc::new(admin_context::engine(admin.dev(), context));
        let activities = Some(delivery::provide(engine));
        let senders = senders::for_worker(&context.environment, allow)?;
        return Ok(Senders { activities, ..senders });
    }
    if admin.dev().is_some() {
        let folder = local::mail_dir(&context.data_dir);
        return senders::set_up(&context.environment, allow, Some(folder));
    }
    if kind == DestinationKind::Email {
        return senders::set_up(&context.environment, allow, None);
    }
    senders::for_worker(&context.environment, allow)
}

fn rejection(kind: &str, failure: &SendFailure) -> Failure {
    let meaning = match failure.kind {
        FailureKind::Transient { .. } => "it may work later",
        FailureKind::Permanent => "it will not work as it is",
        FailureKind::Gone => {
            "the address does not exist; a destination that says so twice, ten minutes apart, is broken"
        }
    };
    Failure::Undelivered(format!(
        "the {kind} message was not accepted, {meaning}: {}",
        failure.answer
    ))
}

/// The console itself: there is no incident to lead to.
fn public_url(admin: &AdminContext, context: &Context) -> anyhow::Result<String> {
    match admin.dev() {
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
    fn a_rejected_test_says_what_the_other_side_said_and_what_it_means() {
        let failure = SendFailure { kind: FailureKind::Gone, answer: "404 no_service".into() };
        let failure = rejection("slack", &failure);
        assert_eq!(failure.code(), "undelivered");
        assert_eq!(
            failure.to_string(),
            "the slack message was not accepted, the address does not exist; a destination that says so twice, ten \
             minutes apart, is broken: 404 no_service"
        );
    }
}

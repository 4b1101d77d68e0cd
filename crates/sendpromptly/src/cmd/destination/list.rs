//! `destination list`.

use api::v1::responses;
use api_types::destinations::DestinationResponse;
use api_types::list::Listed;
use domain::ids::ProjectId;
use serde::Serialize;
use store::destinations::{self, Destination};
use time::OffsetDateTime;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, plain, table_or};

pub const HELP: &str = "\
Example:
  sendpromptly destination list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K

A destination works until it does not accept a message, and again only once it accepts one. It is broken once it has responded twice, ten minutes apart, that the recipient does not \
exist. Its alerts wait until `sendpromptly destination test` succeeds, for 24 hours at most.";

/// A destination and whose it is.
#[derive(Serialize)]
pub(super) struct DestinationOutput {
    #[serde(flatten)]
    destination: DestinationResponse,
    project_id: ProjectId,
}

impl From<Destination> for DestinationOutput {
    fn from(destination: Destination) -> Self {
        let project_id = destination.project_id;
        Self { destination: responses::destination(destination), project_id }
    }
}

pub(super) async fn run(project: Option<&str>, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project_id(project).await?;
    let destinations = destinations::list_destinations(&admin.pool, project_id).await?;
    let nothing = "No destinations: no one is alerted. See: sendpromptly destination add --help";
    let headers = ["DESTINATION", "PROJECT", "KIND", "LABEL", "ADDRESS", "STATE", "FAILURES"];
    let human = table_or(nothing, &headers, destinations.iter().map(row).collect());
    CommandOutput::new(&Listed::whole(destinations.into_iter().map(DestinationOutput::from)), human)
}

fn row(destination: &Destination) -> Vec<(String, Tone)> {
    let since = |what: &str, at| (format!("{what} since {}", format_timestamp(at)), Tone::Bad);
    let state = match (destination.broken_at, destination.failing_since) {
        (Some(at), _) => since("broken", at),
        (None, Some(at)) => since("failing", at),
        (None, None) => ("works".to_owned(), Tone::Good),
    };
    vec![
        plain(&destination.id),
        plain(&destination.project_id),
        plain(&destination.kind),
        plain(&domain::alert::one_line(&destination.label)),
        plain(&destination.address),
        state,
        plain(&what_failed(destination)),
    ]
}

/// How often it failed, what it responded last, and when it is tried again.
fn what_failed(destination: &Destination) -> String {
    let attempts = match destination.failures {
        0 => None,
        1 => Some("1 attempt".to_owned()),
        many => Some(format!("{many} attempts")),
    };
    let next = destination.retry_at.filter(|at| *at > OffsetDateTime::now_utc());
    let next = next.map(|at| format!("next {}", format_timestamp(at)));
    let answer = destination.last_failure.as_deref().map(domain::alert::one_line);
    let parts: Vec<_> = attempts.into_iter().chain(next).chain(answer).collect();
    parts.join(", ")
}

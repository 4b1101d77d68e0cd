//! `destination list`.

use api_types::list::Listed;
use domain::ids::{DestinationId, ProjectId};
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

A destination is broken once it has responded twice, ten minutes apart, that the recipient does not \
exist. Its alerts wait until `sendpromptly destination test` succeeds, for 24 hours at most.";

#[derive(Serialize)]
pub(super) struct DestinationOutput {
    destination_id: DestinationId,
    project_id: ProjectId,
    kind: String,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    label: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    broken_at: Option<OffsetDateTime>,
}

impl From<Destination> for DestinationOutput {
    fn from(destination: Destination) -> Self {
        Self {
            destination_id: destination.id,
            project_id: destination.project_id,
            kind: destination.kind,
            address: destination.address,
            queue: destination.queue.map(|queue| queue.to_string()),
            label: destination.label,
            created_at: destination.created_at,
            broken_at: destination.broken_at,
        }
    }
}

pub(super) async fn run(project: Option<&str>, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project = match project {
        Some(id) => Some(admin.project(id).await?.id),
        None => None,
    };
    let destinations = destinations::list_destinations(&admin.pool, project).await?;
    let nothing = "No destinations: no one is alerted. See: sendpromptly destination add --help";
    let headers = ["DESTINATION", "PROJECT", "KIND", "LABEL", "ADDRESS", "STATE"];
    let human = table_or(nothing, &headers, destinations.iter().map(row).collect());
    CommandOutput::new(&Listed::whole(destinations.into_iter().map(DestinationOutput::from)), human)
}

fn row(destination: &Destination) -> Vec<(String, Tone)> {
    let failing = destination.retry_at.filter(|at| *at > OffsetDateTime::now_utc());
    let state = match (destination.broken_at, failing) {
        (None, None) => ("works".to_owned(), Tone::Good),
        (None, Some(at)) => (format!("failing, next attempt {}", format_timestamp(at)), Tone::Bad),
        (Some(at), _) => (format!("broken since {}", format_timestamp(at)), Tone::Bad),
    };
    vec![
        plain(&destination.id),
        plain(&destination.project_id),
        plain(&destination.kind),
        plain(&domain::alert::one_line(&destination.label)),
        plain(&destination.address),
        state,
    ]
}

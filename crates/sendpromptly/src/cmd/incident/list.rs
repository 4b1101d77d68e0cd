//! `incident list`.

use api::v1::responses;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use domain::ids::IncidentId;
use domain::incident::IncidentState;
use store::incidents::Incident;
use store::page::{MAX_PAGE, Page};
use store::search::Cursor;
use store::search::incidents::{IncidentSearch, StateFilter, search_incidents};

use super::tone;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, or_nothing, plain, table};

pub const HELP: &str = "\
Examples:
  sendpromptly incident list --state open
  sendpromptly incident list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --json

A list with more pages ends with the command for the next one.";

/// Which incidents.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this project's incidents.
    #[arg(long)]
    project: Option<String>,
    /// Only incidents in this state.
    #[arg(long, value_parser = state_parser())]
    state: Option<IncidentState>,
    /// How many incidents a page has at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
    limit: i64,
    /// The cursor that the page before ended with.
    #[arg(long)]
    cursor: Option<String>,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let before = args.cursor.as_deref().map(parse_cursor).transpose()?;
    let admin = AdminContext::open(context).await?;
    let project_id = match &args.project {
        Some(id) => Some(admin.project(id).await?.id),
        None => None,
    };
    let search = IncidentSearch {
        project_id,
        state: args.state.map_or(StateFilter::All, StateFilter::One),
        cursor: before.map(Cursor::After),
        limit: args.limit,
        ..IncidentSearch::default()
    };
    let page = search_incidents(&admin.pool, &search).await?.map(|row| row.incident);
    let human = describe(&page);
    CommandOutput::new(&responses::page(page, responses::incident), human)
}

fn describe(page: &Page<Incident>) -> String {
    if page.data.is_empty() {
        return "No incidents.".to_owned();
    }
    let headers = ["INCIDENT", "STATE", "REASON", "OPENED", "ERROR"];
    let rows = table(&headers, page.data.iter().map(row).collect());
    match &page.next_cursor {
        None => rows,
        Some(cursor) => format!("{rows}\n\nThere are more: add --cursor {cursor}"),
    }
}

fn row(incident: &Incident) -> Vec<(String, Tone)> {
    vec![
        plain(&incident.id),
        (incident.state.to_string(), tone(incident.state)),
        plain(&incident.reason),
        plain(&format_timestamp(incident.opened_at)),
        plain(&or_nothing(incident.error.code.as_deref())),
    ]
}

fn parse_cursor(text: &str) -> Result<IncidentId, Failure> {
    text.parse().map_err(|_| {
        Failure::option("cursor", "must be the next_cursor of the page before this one")
    })
}

fn state_parser() -> impl TypedValueParser<Value = IncidentState> {
    PossibleValuesParser::new(IncidentState::ALL.iter().map(|state| state.as_str()))
        .try_map(|text| text.parse::<IncidentState>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use samples::incident;

    fn page(data: Vec<Incident>, next_cursor: Option<String>) -> Page<Incident> {
        Page { data, next_cursor, previous_cursor: None, capped: false }
    }

    #[test]
    fn a_list_that_goes_on_says_how() {
        let cursor = Some(incident().id.to_string());
        let page = page(vec![incident()], cursor);
        let text = describe(&page);
        assert!(text.ends_with("add --cursor inc_00000000000000000000000001"), "{text}");
        assert!(text.contains("account_locked"), "{text}");
    }

    #[test]
    fn an_empty_page_is_no_error_and_a_bad_cursor_is() {
        assert_eq!(describe(&page(Vec::new(), None)), "No incidents.");
        assert_eq!(parse_cursor("2").expect_err("no cursor").code(), "validation_error");
    }
}

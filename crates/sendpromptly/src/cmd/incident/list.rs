//! `incident list`.

use api::v1::responses;
use domain::alert::one_line;
use domain::ids::CauseId;
use domain::incident::IncidentState;
use store::search::Cursor;
use store::search::incidents::{IncidentRow, IncidentSearch, StateFilter, search_incidents};

use super::{filter, owner, tone};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::cmd::list::{self, Narrowing};
use crate::failure::parse_id;
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, or_nothing, plain};

pub const HELP: &str = "\
Examples:
  sendpromptly incident list --state open --mode live
  sendpromptly incident list --cause cau_1QGNZHYDQVHDQ886WQFX8FDAKK
  sendpromptly incident list --search user_456
  sendpromptly incident list --owner none
  sendpromptly incident list --filter 'Dunning'
  sendpromptly incident list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --json

A list with more pages ends with the command for the next one.";

/// Which incidents.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only incidents in this state.
    #[arg(long, value_parser = list::choice::<IncidentState>(IncidentState::ALL.iter().map(|state| state.as_str())))]
    state: Option<IncidentState>,
    /// Only incidents of this cause, as `cause list` names it.
    #[arg(long)]
    cause: Option<String>,
    /// Only incidents of this operator, or `none`: those that are not resolved and that nobody owns.
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// What a filter that is shared in the console narrows to, by its name. Further options take the place of its own.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    #[command(flatten)]
    narrowing: Narrowing,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let cursor = args.narrowing.cursor()?.map(Cursor::After);
    let cause_id = args.cause.as_deref().map(|id| parse_id::<CauseId>("cause", id)).transpose()?;
    let admin = AdminContext::open(context).await?;
    let owner = owner::filter(&admin, args.owner.as_deref()).await?;
    let saved = match &args.filter {
        Some(name) => filter::find(&admin, name, owner).await?,
        None => IncidentSearch { state: StateFilter::All, ..IncidentSearch::default() },
    };
    let project_id = admin.project_id(args.narrowing.project.as_deref()).await?;
    let search = IncidentSearch {
        project_id: project_id.or(saved.project_id),
        mode: args.narrowing.mode.or(saved.mode),
        state: args.state.map_or(saved.state, StateFilter::One),
        cause_id: cause_id.or(saved.cause_id),
        text: args.narrowing.search.or(saved.text),
        owner: owner.or(saved.owner),
        cursor,
        limit: args.narrowing.limit,
        ..saved
    };
    let page = search_incidents(&admin.pool, &search).await?;
    let headers =
        ["INCIDENT", "STATE", "CUSTOMER", "DUE", "AMOUNT", "REASON", "ERROR", "PROJECT", "OPENED"];
    let human = list::describe("No incidents.", &headers, &page, row);
    CommandOutput::new(&responses::page(page, |row| responses::incident(row.incident)), human)
}

fn row(row: &IncidentRow) -> Vec<(String, Tone)> {
    let incident = &row.incident;
    vec![
        plain(&incident.id),
        (incident.state.to_string(), tone(incident.state)),
        plain(&one_line(&row.internal_reference)),
        plain(&row.effect_type),
        plain(&or_nothing(incident.amount.map(|amount| amount.to_string()).as_deref())),
        plain(&incident.reason),
        plain(&or_nothing(incident.error.code.as_deref())),
        plain(&list::project(&row.project_name, row.mode)),
        plain(&format_timestamp(incident.opened_at)),
    ]
}

//! `event list`.

use api::v1::responses;
use domain::alert::one_line;
use domain::event::Effect;
use store::search::Cursor;
use store::search::events::{EventRow, EventSearch, search_events};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::cmd::list::{self, Narrowing};
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, plain};

pub const HELP: &str = "\
Examples:
  sendpromptly event list --search evt_1QGNZH
  sendpromptly event list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --effect missing

A list with more pages ends with the command for the next one.";

/// Which events.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only events whose effect is in this state.
    #[arg(long, value_parser = list::choice::<Effect>(Effect::ALL.iter().map(|effect| effect.as_str())))]
    effect: Option<Effect>,
    #[command(flatten)]
    narrowing: Narrowing,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let cursor = args.narrowing.cursor()?.map(Cursor::After);
    let admin = AdminContext::open(context).await?;
    let search = EventSearch {
        project_id: admin.project_id(args.narrowing.project.as_deref()).await?,
        mode: args.narrowing.mode,
        effect: args.effect,
        text: args.narrowing.search,
        cursor,
        limit: args.narrowing.limit,
        ..EventSearch::default()
    };
    let page = search_events(&admin.pool, &search).await?;
    let headers = ["EVENT", "EFFECT", "DUE", "CUSTOMER", "BY", "PROJECT", "TAKEN"];
    let human = list::describe("No events.", &headers, &page, row);
    let found =
        |row: EventRow| responses::event(row.event, row.incident.map(|incident| incident.id));
    CommandOutput::new(&responses::page(page, found), human)
}

fn row(row: &EventRow) -> Vec<(String, Tone)> {
    let event = &row.event;
    vec![
        plain(&event.id),
        (event.effect.to_string(), tone(event.effect)),
        plain(&event.effect_type),
        plain(&one_line(&event.internal_reference)),
        plain(&format!("{} {}", one_line(&event.event_type), one_line(&event.provider_event_id))),
        plain(&list::project(&row.project_name, row.mode)),
        plain(&format_timestamp(event.received_at)),
    ]
}

const fn tone(effect: Effect) -> Tone {
    match effect {
        Effect::Pending => Tone::Plain,
        Effect::Succeeded | Effect::Superseded => Tone::Good,
        Effect::Failed | Effect::Missing => Tone::Bad,
    }
}

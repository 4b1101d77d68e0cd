//! `event show`: one payment event and its timeline.

use api::v1::responses;
use domain::ids::{EventId, IncidentId};
use store::events::{self, PaymentEvent};
use store::search::events::{EventSearch, search_events};
use store::{incidents, timeline};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;
use crate::text::{NOTHING, block, format_timestamp};
use crate::timeline::render;

pub const HELP: &str = "\
Examples:
  sendpromptly event show ev_01K9QE0A1B2C3D4E5F6G7H8J9K
  sendpromptly event show evt_1QGNZHYDQVHDQ886WQFX8FDA";

pub(super) async fn run(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let event = find(&admin, id.trim()).await?;
    let id = event.id;
    let incident = incidents::find_for_event(&admin.pool, id).await?;
    let incident_id = incident.map(|incident| incident.id);
    let entries = timeline::list_for_event(&admin.pool, id).await?;
    let facts = describe(&event, incident_id);
    let names = timeline::load_names(&admin.pool, &[event.project_id]).await?;
    let human = format!("{facts}\n\nTimeline:\n{}", render(&entries, &names));
    CommandOutput::new(&responses::event_details(event, incident_id, entries), human)
}

/// The event that an id names, ours or the provider's. The provider's may be that of several effects, or of several
/// projects.
async fn find(admin: &AdminContext, id: &str) -> anyhow::Result<PaymentEvent> {
    let malformed = match parse_id::<EventId>("event", id) {
        Ok(id) => {
            let event = events::find_event(&admin.pool, id).await?;
            return Ok(event.ok_or_else(|| no_such("event", id))?);
        }
        Err(malformed) => malformed,
    };
    let search = EventSearch { text: Some(id.to_owned()), ..EventSearch::default() };
    let found = search_events(&admin.pool, &search).await?.data.into_iter();
    let mut named: Vec<_> = found.filter(|row| row.event.provider_event_id == id).collect();
    if named.len() > 1 {
        let ids: Vec<_> = named.iter().map(|row| row.event.id.to_string()).collect();
        let which = format!("{id} is the provider's id of several events: {}", ids.join(", "));
        return Err(Failure::Validation(which).into());
    }
    Ok(named.pop().ok_or(malformed)?.event)
}

fn describe(event: &PaymentEvent, incident_id: Option<IncidentId>) -> String {
    block(&[
        ("event", event.id.to_string()),
        ("project", event.project_id.to_string()),
        ("effect", format!("{}, {}", event.effect_type, event.effect)),
        ("by", format!("{} {}", event.provider, event.event_type)),
        ("provider event", event.provider_event_id.clone()),
        ("reference", event.internal_reference.clone()),
        ("effect key", event.effect_key.clone().unwrap_or_else(|| NOTHING.to_owned())),
        ("amount", event.amount.map_or_else(|| NOTHING.to_owned(), |amount| amount.to_string())),
        ("taken", format_timestamp(event.received_at)),
        ("result due", format_timestamp(event.timeout_at)),
        ("incident", incident_id.map_or_else(|| NOTHING.to_owned(), |id| id.to_string())),
    ])
}

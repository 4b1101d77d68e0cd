//! `event show`: one payment event and its timeline.

use clap::Subcommand;
use domain::catalogue::{EffectType, Provider};
use domain::event::Effect;
use domain::ids::{EventId, IncidentId};
use serde::Serialize;
use store::events::{self, PaymentEvent};
use store::{incidents, timeline};
use time::OffsetDateTime;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{no_such, parse_id};
use crate::output::CommandOutput;
use crate::text::{NOTHING, block, format_timestamp};
use crate::timeline::{TimelineEntryOutput, render};

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show a payment event: what is due, what became of it, and every step.
    #[command(after_help = "Example:\n  sendpromptly event show ev_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    Show {
        /// The event's id, as the response to a receipt shows it.
        #[arg(value_name = "EVENT")]
        id: String,
    },
}

#[derive(Serialize)]
struct EventOutput {
    event_id: EventId,
    effect: Effect,
    provider: Provider,
    provider_event_id: String,
    event_type: String,
    effect_type: EffectType,
    internal_reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shopify_shop_domain: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    received_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    timeout_at: OffsetDateTime,
    incident_id: Option<IncidentId>,
    timeline: Vec<TimelineEntryOutput>,
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Show { id } => show(&id, context).await,
        }
    }
}

async fn show(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let id: EventId = parse_id("event", id)?;
    let admin = AdminContext::open(context).await?;
    let event = events::find_event(&admin.pool, id).await?.ok_or_else(|| no_such("event", id))?;
    let incident = incidents::find_for_event(&admin.pool, id).await?;
    let incident_id = incident.map(|incident| incident.id);
    let entries = timeline::list_for_event(&admin.pool, id).await?;
    let facts = describe(&event, incident_id);
    let names = timeline::load_names(&admin.pool, &[event.project_id]).await?;
    let human = format!("{facts}\n\nTimeline:\n{}", render(&entries, &names));
    let entries = entries.into_iter().map(TimelineEntryOutput::from).collect();
    CommandOutput::new(&event_output(event, incident_id, entries), human)
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
        ("taken", format_timestamp(event.received_at)),
        ("result due", format_timestamp(event.timeout_at)),
        ("incident", incident_id.map_or_else(|| NOTHING.to_owned(), |id| id.to_string())),
    ])
}

fn event_output(
    event: PaymentEvent,
    incident_id: Option<IncidentId>,
    timeline: Vec<TimelineEntryOutput>,
) -> EventOutput {
    EventOutput {
        event_id: event.id,
        effect: event.effect,
        provider: event.provider,
        provider_event_id: event.provider_event_id,
        event_type: event.event_type,
        effect_type: event.effect_type,
        internal_reference: event.internal_reference,
        effect_key: event.effect_key,
        shopify_shop_domain: event.shopify_shop_domain,
        received_at: event.received_at,
        timeout_at: event.timeout_at,
        incident_id,
        timeline,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_shape_has_exactly_the_fields_of_the_contract() {
        let event = PaymentEvent {
            id: "ev_00000000000000000000000001".parse().expect("an id"),
            project_id: "prj_00000000000000000000000001".parse().expect("an id"),
            provider: Provider::Stripe,
            provider_event_id: "evt_1".into(),
            event_type: "invoice.paid".into(),
            effect_type: EffectType::CreditGrant,
            internal_reference: "user_456".into(),
            effect_key: None,
            occurred_at: datetime!(2026-11-21 14:02:00 UTC),
            shopify_shop_domain: None,
            effect: Effect::Pending,
            received_at: datetime!(2026-11-21 14:02:09.123456 UTC),
            timeout_at: datetime!(2026-11-21 14:32:09.123456 UTC),
            timeout_minutes: 30,
        };
        assert_eq!(
            serde_json::to_string(&event_output(event, None, Vec::new())).expect("json"),
            r#"{"event_id":"ev_00000000000000000000000001","effect":"pending","provider":"stripe","provider_event_id":"evt_1","event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456","received_at":"2026-11-21T14:02:09.123456Z","timeout_at":"2026-11-21T14:32:09.123456Z","incident_id":null,"timeline":[]}"#
        );
    }
}

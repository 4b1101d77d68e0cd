//! The facts beside a timeline: ids and codes as they are, for those who look something up.

use domain::alert::one_line;
use domain::catalogue::Provider;
use domain::ids::{EventId, IncidentId};
use domain::project::Mode;
use engine::workflow_id;
use store::alerts::AlertView;
use store::events::PaymentEvent;
use store::projects::Project;
use time::OffsetDateTime;

use super::layout::mode_word;
use super::settings::TemporalUi;
use super::snapshot;
use super::when::When;
use crate::state::ConsoleState;

#[derive(Debug)]
pub struct Fact {
    pub label: String,
    pub value: Value,
    /// Where it leads.
    pub href: Option<String>,
}

/// The value of a fact.
#[derive(Debug)]
pub enum Value {
    /// Plain text.
    Text(String),
    /// Sentences, each on a line of its own.
    Lines(Vec<String>),
    /// An id or a code.
    Code(String),
    /// One that people carry elsewhere, so it can be copied.
    Copied(String),
    /// An id below a folder; a line that is too long ends between them.
    Path(String, String),
    At(When),
}

impl Fact {
    pub(crate) fn new(label: impl Into<String>, value: Value) -> Self {
        Self { label: label.into(), value, href: None }
    }

    pub(crate) fn leading_to(self, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..self }
    }
}

/// The facts of an incident.
#[must_use]
pub fn list_for_incident(
    state: &ConsoleState,
    event: &PaymentEvent,
    project: &Project,
    alerts: &[AlertView],
) -> Vec<Fact> {
    let mut facts = list_for_both(event, project);
    facts.push(Fact::new("Alerts", Value::Lines(count_alerts(alerts))));
    let id = event.id.to_string();
    facts.push(Fact::new("Event", Value::Code(id)).leading_to(format!("/events/{}", event.id)));
    facts.push(workflow(state, event.id));
    facts
}

/// The facts of an event.
#[must_use]
pub fn list_for_event(
    state: &ConsoleState,
    event: &PaymentEvent,
    project: &Project,
    incident: Option<IncidentId>,
    snapshot_until: Option<OffsetDateTime>,
) -> Vec<Fact> {
    let mut facts = list_for_both(event, project);
    if let Some(id) = incident {
        let incident = Fact::new("Incident", Value::Code(id.to_string()));
        facts.push(incident.leading_to(format!("/incidents/{id}")));
    }
    if let Some(until) = snapshot_until {
        let snapshot = Fact::new("Snapshot, kept until", Value::At(When::brief(until)));
        facts.push(snapshot.leading_to(snapshot::path(event.id)));
    }
    facts.push(workflow(state, event.id));
    facts
}

fn list_for_both(event: &PaymentEvent, project: &Project) -> Vec<Fact> {
    let provider_event = format!("{} event", event.provider.name());
    let effect = format!("{}, by {}", event.effect_type, one_line(&event.event_type));
    let mut facts = vec![
        Fact::new("Customer reference", Value::Copied(one_line(&event.internal_reference))),
        Fact::new("Effect due", Value::Code(effect)),
        Fact::new(provider_event, Value::Copied(one_line(&event.provider_event_id))),
        Fact::new("Happened at the provider", Value::At(When::exact(event.occurred_at))),
        Fact::new("Result due by", Value::At(When::exact(event.timeout_at))),
    ];
    if let Some((what, href)) = provider_page(event, project.mode) {
        facts.insert(3, Fact::new("Look up", Value::Text(what.to_owned())).leading_to(href));
    }
    if let Some(amount) = event.amount {
        facts.insert(2, Fact::new("Amount", Value::Text(amount.to_string())));
    }
    if let Some(key) = &event.effect_key {
        facts.push(Fact::new("Effect key", Value::Code(one_line(key))));
    }
    if let Some(shop) = &event.shopify_shop_domain {
        facts.push(Fact::new("Shop", Value::Code(one_line(shop))));
    }
    let name = format!("{} · {}", one_line(&project.name), mode_word(project.mode));
    let href = format!("/projects/{}", project.id);
    facts.push(Fact::new("Project", Value::Text(name)).leading_to(href));
    facts
}

/// What the provider's own pages show of the event, and where. Shopify has none for a webhook, but lists of what it is about.
fn provider_page(event: &PaymentEvent, mode: Mode) -> Option<(&'static str, String)> {
    match &event.provider {
        Provider::Stripe => stripe_event(&event.provider_event_id, mode),
        Provider::Shopify => shopify_list(event),
        _ => None,
    }
}

fn stripe_event(id: &str, mode: Mode) -> Option<(&'static str, String)> {
    let is_id = |rest: &str| !rest.is_empty() && rest.bytes().all(|it| it.is_ascii_alphanumeric());
    let mode = match mode {
        Mode::Live => "",
        Mode::Test => "test/",
    };
    // https://docs.stripe.com/development/dashboard: test mode has addresses of its own.
    id.strip_prefix("evt_").is_some_and(is_id).then(|| {
        (
            "the event in Stripe's dashboard",
            format!("https://dashboard.stripe.com/{mode}events/{id}"),
        )
    })
}

fn shopify_list(event: &PaymentEvent) -> Option<(&'static str, String)> {
    let shop = event.shopify_shop_domain.as_deref()?;
    let (what, list) = match event.event_type.split('/').next()? {
        "orders" => ("the shop's orders in Shopify", "orders"),
        "customers" => ("the shop's customers in Shopify", "customers"),
        "checkouts" => ("the shop's open checkouts in Shopify", "checkouts"),
        _ => return None,
    };
    Some((what, format!("https://{shop}/admin/{list}")))
}

fn workflow(state: &ConsoleState, event_id: EventId) -> Fact {
    let id = workflow_id(event_id);
    let href = state.console.temporal_ui.as_ref().map(|ui| ui_link(ui, &id));
    let (folder, name) = id.split_at(id.find('/').map_or(0, |slash| slash + 1));
    let id = Value::Path(folder.to_owned(), name.to_owned());
    Fact { href, ..Fact::new("Temporal workflow", id) }
}

fn ui_link(ui: &TemporalUi, workflow_id: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("{}/namespaces/{}/workflows/{}", ui.url, encoded(&ui.namespace), encoded(workflow_id))
}

fn count_alerts(alerts: &[AlertView]) -> Vec<String> {
    let words = [
        ("delivered", "delivered"),
        ("pending", "under way"),
        ("given_up", "given up"),
        ("told", "told together with others"),
        ("folded", "to be told together with others"),
        ("superseded", "not sent because a newer one says more"),
    ];
    let counts = words.iter().filter_map(|(state, words)| {
        let count = alerts.iter().filter(|alert| alert.state == *state).count();
        (count > 0).then(|| format!("{count} {words}"))
    });
    let counts: Vec<_> = counts.collect();
    if counts.is_empty() {
        return vec!["No one was notified".to_owned()];
    }
    let troubles = alerts.iter().filter_map(trouble);
    std::iter::once(counts.join(", ")).chain(troubles).collect()
}

/// What keeps an alert from getting out.
fn trouble(alert: &AlertView) -> Option<String> {
    if alert.attempts == 0 {
        let waits = alert.broken && alert.state == "pending";
        return waits.then(|| format!("{} is broken", one_line(&alert.destination)));
    }
    let response = alert.last_answer.as_deref();
    let response = response.filter(|_| matches!(alert.state.as_str(), "pending" | "given_up"))?;
    let times =
        if alert.attempts == 1 { "once".to_owned() } else { format!("{} times", alert.attempts) };
    let broken = if alert.broken { " is broken" } else { "" };
    Some(format!("{}{broken}, tried {times}: {}", one_line(&alert.destination), one_line(response)))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn temporals_own_page_is_found_by_the_workflows_id() {
        let ui =
            TemporalUi { url: "http://127.0.0.1:8233".to_owned(), namespace: "default".to_owned() };
        let event: EventId = "ev_00000000000000000000000001".parse().expect("an id");
        assert_eq!(
            ui_link(&ui, &workflow_id(event)),
            "http://127.0.0.1:8233/namespaces/default/workflows/effect-watch%2Fev_00000000000000000000000001"
        );
    }

    #[test]
    fn an_event_of_stripe_is_looked_up_in_the_dashboard_of_its_mode() {
        let page = |id: &str, provider, mode| {
            let provider_event_id = id.to_owned();
            let event = PaymentEvent { provider_event_id, provider, ..samples::event() };
            provider_page(&event, mode).map(|(_, href)| href)
        };
        let live = page("evt_1NG8Du2eZvKYlo2CUI79vXWy", Provider::Stripe, Mode::Live);
        let expected = "https://dashboard.stripe.com/events/evt_1NG8Du2eZvKYlo2CUI79vXWy";
        assert_eq!(live.as_deref(), Some(expected));
        let test = page("evt_1", Provider::Stripe, Mode::Test);
        assert_eq!(test.as_deref(), Some("https://dashboard.stripe.com/test/events/evt_1"));
        for id in ["", "evt_", "evt_1/../x", "in_1", "evt_1?a=b"] {
            assert_eq!(page(id, Provider::Stripe, Mode::Live), None, "{id}");
        }
        assert_eq!(page("evt_1", Provider::Shopify, Mode::Live), None);
    }

    #[test]
    fn an_event_of_shopify_leads_to_what_the_shop_lists() {
        let page = |event_type: &str| {
            let event = PaymentEvent {
                provider: Provider::Shopify,
                event_type: event_type.to_owned(),
                shopify_shop_domain: Some("comet.myshopify.com".to_owned()),
                ..samples::event()
            };
            provider_page(&event, Mode::Live).map(|(_, href)| href)
        };
        let orders = "https://comet.myshopify.com/admin/orders";
        assert_eq!(page("orders/paid").as_deref(), Some(orders));
        assert_eq!(page("products/update"), None);
    }

    #[test]
    fn alerts_are_counted_by_what_became_of_them() {
        let alert = |state: &str| AlertView {
            destination: "bob@cometcart.test".to_owned(),
            state: state.to_owned(),
            attempts: 1,
            last_answer: None,
            ..samples::alert()
        };
        assert_eq!(count_alerts(&[]), ["No one was notified"]);
        let alerts = ["delivered", "given_up", "delivered", "pending"].map(alert);
        assert_eq!(count_alerts(&alerts), ["2 delivered, 1 under way, 1 given up"]);
        let response = Some("connection refused".to_owned());
        let waiting = AlertView { last_answer: response, attempts: 3, ..alert("pending") };
        let untried = AlertView { attempts: 0, broken: true, ..alert("pending") };
        assert_eq!(count_alerts(&[untried]), ["1 under way", "bob@cometcart.test is broken"]);
        assert_eq!(
            count_alerts(&[alert("delivered"), waiting]),
            ["1 delivered, 1 under way", "bob@cometcart.test, tried 3 times: connection refused"]
        );
    }
}

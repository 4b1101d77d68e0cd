//! What operators come to the console for: something that a customer paid for and did not get.

use domain::ids::{EventId, IncidentId};
use e2e::World;
use e2e::html_page::HtmlPage;
use e2e::world::receipt;
use serde_json::{Value, json};

/// A receipt with a few fields changed.
pub async fn take(world: &World, provider_event_id: &str, change: &Value) -> EventId {
    let mut body = receipt(provider_event_id);
    for (field, value) in change.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    world.send_receipt(&body).await
}

/// An event whose effect failed, and its incident.
pub async fn fail(world: &World, provider_event_id: &str, change: &Value) -> (EventId, IncidentId) {
    let event_id = take(world, provider_event_id, change).await;
    let words = json!({"error_code": "db_write_failed", "error_message": "disk full"});
    (event_id, world.fail(event_id, words).await)
}

/// Asserts that hostile text is on the page and does nothing there.
pub fn assert_inert(page: &str) {
    assert!(page.contains("alert(1)"), "the text is shown: {page}");
    for live in ["<script>alert", "<img src=x", "\"'>"] {
        assert!(!page.contains(live), "{live} is live in {page}");
    }
}

/// The ids of what the page lists, in order; causes are no part of the list.
pub fn listed(page: &HtmlPage) -> Vec<String> {
    let id = |link: String| link.rsplit('/').next().map(str::to_owned);
    let links = ["Incidents", "Events"].map(|caption| page.row_links(caption));
    links.into_iter().flatten().filter_map(id).collect()
}

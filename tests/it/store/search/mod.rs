//! The lists that operators look through.

mod audit;
mod causes;
mod events;
mod hours;
mod incidents;
mod overview;
mod progress;
mod unresolved;

use domain::ids::ProjectId;
use domain::project::Mode;
use e2e::world::new_key;
use serde_json::{Value, json};
use store::api_keys;
use store::page::Page;
use store::projects::{self, ProjectSettings};
use store::search::Cursor;

use super::shop::{Shop, owner};

/// Charlie's project in the same database, which is a live one; the shop then works for it.
async fn for_charlie(shop: &Shop) -> Shop {
    let settings = ProjectSettings::new("Charlie's".to_owned(), Mode::Live);
    let project_id: ProjectId =
        projects::insert_project(&shop.pool, &settings).await.expect("a project");
    let key = new_key().expect("a key");
    let key_id = api_keys::insert_key(&shop.pool, project_id, "charlie", &key).await;
    let key_id = key_id.expect("a key");
    shop.working_for(owner(key_id, project_id, Mode::Live))
}

/// An event of each outcome in the test project, and one that succeeded in Charlie's live one.
async fn seed_each_outcome(shop: &Shop) {
    let charlie = for_charlie(shop).await;
    shop.succeed(shop.take("evt_applied").await).await;
    shop.take("evt_pending").await;
    shop.fail(shop.take("evt_failed").await).await;
    let late = shop.missed("evt_late").await;
    shop.succeed(late).await;
    charlie.succeed(charlie.take("evt_charlie").await).await;
}

/// Another kind of event than the usual one.
fn dispute() -> Value {
    json!({"event_type": "charge.dispute.created", "effect_type": "access_revocation"})
}

/// Where a page's cursor leads.
fn after<Id: std::str::FromStr>(cursor: Option<&String>) -> Option<Cursor<Id>> {
    cursor.and_then(|id| id.parse().ok()).map(Cursor::After)
}

/// Where a page's cursor leads back to.
fn before<Id: std::str::FromStr>(cursor: Option<&String>) -> Option<Cursor<Id>> {
    cursor.and_then(|id| id.parse().ok()).map(Cursor::Before)
}

/// The names of a page's rows, one after the other.
fn names<T>(page: &Page<T>, name: impl Fn(&T) -> &str) -> String {
    page.data.iter().map(name).collect::<Vec<_>>().join(" ")
}

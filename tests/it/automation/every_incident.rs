//! Whether a destination gets each incident is set by the API, the command line and the console alike.

use api_types::destinations::DestinationResponse;
use domain::operator::Role;
use e2e::World;
use e2e::console::Operator;
use reqwest::Method;
use serde_json::json;

use super::script::accepted;
use super::{Script, bad_fields};

/// What the audit says of it, oldest first.
async fn changes(world: &World) -> Vec<String> {
    let sql = "SELECT concat(actor, ': ', detail->>'every_incident') FROM audit_entries
        WHERE action = 'destination.updated' ORDER BY at, id";
    sqlx::query_scalar(sql).fetch_all(&world.pool).await.expect("the audit")
}

async fn bob(world: &World) -> String {
    world.alert_bob().await;
    let all = store::destinations::list_destinations(&world.pool, None).await;
    all.expect("destinations")[0].id.to_string()
}

#[test]
fn it_is_changed_everywhere_and_each_change_is_in_the_audit_once() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let id = bob(&world).await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}/destinations/{id}", world.project.id);
        for every_incident in [true, true] {
            let body = Some(json!({ "every_incident": every_incident }));
            let now: DestinationResponse = accepted(script.call(Method::PATCH, &path, body).await);
            assert_eq!((now.every_incident, now.label.as_str()), (true, "bob@cometcart.test"));
        }
        let (code, now) = world
            .cli(&["destination", "update", &id, "--no-every-incident", "--label", "Bob"])
            .await
            .expect("a command");
        assert_eq!(
            (code, &now["every_incident"], &now["label"]),
            (0, &json!(false), &json!("Bob"))
        );

        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}/destinations", world.project.id);
        let to = alice.page(&page).await.button("Send each incident to Bob").action;
        let sent = alice.submit(&page, &to, &[("every_incident", "true")]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let said = alice.page(&page).await;
        assert_eq!(said.message().as_deref(), Some("Bob now gets each incident by itself."));
        assert!(said.button("Send causes to Bob").action.ends_with("/every-incident"));

        let changes = changes(&world).await;
        let values: Vec<_> = changes.iter().filter_map(|one| one.rsplit(": ").next()).collect();
        assert_eq!(values, ["true", "false", "true"]);
    });
}

#[test]
fn what_is_no_truth_is_rejected_and_so_is_everybody_but_an_admin() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let id = bob(&world).await;
        let path = format!("/{}/destinations/{id}", world.project.id);
        let script = Script::new(&world, Role::Admin).await;
        let body = Some(json!({ "every_incident": "yes", "label": "Bob" }));
        let (status, rejected) = script.reject(Method::PATCH, &path, body).await;
        assert_eq!((status, bad_fields(&rejected)), (422, vec!["every_incident"]));
        let operator = Script::new(&world, Role::Operator).await;
        let body = Some(json!({ "every_incident": true }));
        assert_eq!(operator.call(Method::PATCH, &path, body).await.0, 403);
        assert_eq!(changes(&world).await, [""; 0]);
    });
}

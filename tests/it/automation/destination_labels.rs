//! A destination's label is changed by the API and the command line, and lists call it so.

use api_types::destinations::{AddedDestination, DestinationResponse};
use api_types::list::Listed;
use api_types::projects::CreatedProject;
use domain::operator::Role;
use e2e::World;
use reqwest::Method;
use serde_json::{Value, json};

use super::script::accepted;
use super::{Script, bad_fields};

const BOB: &str = "bob@cometcart.test";
const SLACK: &str = "https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrstWxYz";

/// The paths of a mail address and of a Slack channel.
async fn destinations(world: &World, script: &Script<'_>) -> [String; 2] {
    let all = format!("/{}/destinations", world.project.id);
    let add = async |body: Value| {
        let added: AddedDestination = script.send(&all, body).await;
        format!("{all}/{}", added.destination_id)
    };
    [add(json!({ "email": BOB })).await, add(json!({ "slack": SLACK })).await]
}

/// What the audit says of renamed destinations, oldest first.
async fn renamings(world: &World) -> Vec<String> {
    let sql = "SELECT concat(actor, ': ', detail->>'from', ' > ', detail->>'to') FROM audit_entries
        WHERE action = 'destination.renamed' ORDER BY at, id";
    sqlx::query_scalar(sql).fetch_all(&world.pool).await.expect("the audit")
}

#[test]
fn a_script_gives_a_destination_another_label_and_its_default_back() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let [bob, slack] = destinations(&world, &script).await;
        for (path, label, expected) in [
            (&bob, json!(" Bob, on call "), "Bob, on call"),
            (&bob, json!("Bob, on call"), "Bob, on call"),
            (&bob, Value::Null, BOB),
            (&slack, json!("#payments"), "#payments"),
            (&slack, Value::Null, "Slack …WxYz"),
        ] {
            let body = Some(json!({ "label": label }));
            let now: DestinationResponse = accepted(script.call(Method::PATCH, path, body).await);
            assert_eq!(now.label, expected);
        }
        let admin = "operator:admin@cometcart.test";
        assert_eq!(
            renamings(&world).await,
            [
                format!("{admin}: {BOB} > Bob, on call"),
                format!("{admin}: Bob, on call > {BOB}"),
                format!("{admin}: Slack …WxYz > #payments"),
                format!("{admin}: #payments > Slack …WxYz"),
            ],
            "what changes nothing leaves no entry"
        );
    });
}

#[test]
fn a_label_that_cannot_be_read_is_rejected_with_the_cure_and_changes_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let [bob, _] = destinations(&world, &script).await;
        for (body, cure) in [
            (json!({}), "is required: 1 to 255 characters, or null for the default"),
            (json!({ "label": " " }), "must have 1 to 255 characters"),
            (json!({ "label": "x".repeat(256) }), "must have 1 to 255 characters"),
            (json!({ "label": "a\nb" }), "must not contain U+000A (a control character"),
            (json!({ "label": 7 }), "must be a string"),
        ] {
            let (status, rejected) = script.reject(Method::PATCH, &bob, Some(body)).await;
            assert_eq!((status, bad_fields(&rejected)), (422, vec!["label"]));
            let message = &rejected.fields.expect("fields")[0].message;
            assert!(message.starts_with(cure), "{message}");
        }
        let all = format!("/{}/destinations", world.project.id);
        let all: Listed<DestinationResponse> = script.read(&all).await;
        assert_eq!(all.data[0].label, BOB);
        assert_eq!(renamings(&world).await, [""; 0]);
    });
}

#[test]
fn only_an_admin_renames_and_only_a_destination_of_that_project() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let admin = Script::new(&world, Role::Admin).await;
        let [bob, _] = destinations(&world, &admin).await;
        let other: CreatedProject = admin.send("", json!({ "name": "Charlie's" })).await;
        let (_, id) = bob.rsplit_once('/').expect("an id");
        let elsewhere = format!("/{}/destinations/{id}", other.project.project_id);
        let body = Some(json!({ "label": "Charlie" }));
        assert_eq!(admin.call(Method::PATCH, &elsewhere, body.clone()).await.0, 404);
        let operator = Script::new(&world, Role::Operator).await;
        assert_eq!(operator.call(Method::PATCH, &bob, body.clone()).await.0, 403);
        assert_eq!(admin.call(Method::DELETE, &bob, None).await.0, 204);
        assert_eq!(admin.call(Method::PATCH, &bob, body).await.0, 404, "it was removed");
        assert_eq!(renamings(&world).await, [""; 0]);
    });
}

#[test]
fn the_command_line_renames_a_destination_as_the_api_does() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let [_, slack] = destinations(&world, &script).await;
        let (_, id) = slack.rsplit_once('/').expect("an id");
        let update = async |options: &[&str]| {
            let command = [&["destination", "update", id], options].concat();
            world.cli(&command).await.expect("a command")
        };
        for (options, expected) in [
            (&["--label", "#payments"][..], "#payments"),
            (&["--label", "#payments"], "#payments"),
            (&["--no-label"], "Slack …WxYz"),
        ] {
            let (code, now) = update(options).await;
            assert_eq!((code, &now["label"]), (0, &json!(expected)), "{now}");
            let all = ["destination", "list", "--project", &world.project.id.to_string()];
            let (_, listed) = world.cli(&all).await.expect("a command");
            assert_eq!(listed["data"][1], now, "it is shown as in the list");
        }
        let (code, rejected) = update(&["--label", " "]).await;
        let message = json!("label must have 1 to 255 characters");
        assert_eq!((code, &rejected["error"]["message"]), (1, &message));
        assert_eq!(renamings(&world).await.len(), 2);
        assert_eq!(script.call(Method::DELETE, &slack, None).await.0, 204);
        let (code, lost) = update(&["--label", "#payments"]).await;
        assert_eq!((code, &lost["error"]["code"]), (1, &json!("not_found")));
    });
}

//! What belongs to one project is closed to every other: each operation that the API's own document
//! names and each page that the console's own list names is tried with the ids of another project,
//! so that a new one is tried from its first day.
//!
//! The other project has one of everything. After each sweep its rows are what they were.

mod theirs;

use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, run};
use reqwest::Method;
use serde_json::{Value, json};

use crate::automation::script::Script;
use theirs::Theirs;

/// An operation of the automation API, from its document.
struct Operation {
    id: String,
    method: Method,
    /// Below `/api/v1`.
    path: String,
    /// Whether the document says that a role may be too small for it.
    needs_role: bool,
}

impl Operation {
    /// Whether it is bound to one project; a set of bulks is of several, for each operator who may act.
    fn is_of_a_project(&self) -> bool {
        self.path.starts_with("/projects")
    }

    /// Whether its path names a thing of a project, by an id.
    fn names_a_thing(&self) -> bool {
        self.is_of_a_project() && self.path.replace("{project_id}", "").contains("_id}")
    }

    /// A body that is right in itself.
    fn body(&self) -> Option<Value> {
        match (&self.method, self.id.as_str()) {
            (&Method::GET, _) => None,
            (_, "resolve_incident") => Some(json!({ "note": "refunded" })),
            (_, "update_destination") => Some(json!({ "label": "on call" })),
            (_, "create_project") => Some(json!({ "name": "CometCart EU", "mode": "test" })),
            (_, "create_api_key") => Some(json!({ "label": "production" })),
            (_, "add_destination") => Some(json!({ "email": "carol@cometcart.test" })),
            (_, "comment_incident" | "comment_cause") => Some(json!({ "text": "ours" })),
            (_, "start_bulk_reprocess") => Some(json!({ "note": "again" })),
            (_, "erase_customer") => Some(json!({ "internal_reference": "user_456" })),
            (_, "update_project") => Some(json!({ "timeout_minutes": 45 })),
            _ => Some(json!({})),
        }
    }
}

/// Everything that the API says it has, but the calls of apps.
async fn operations(world: &World) -> Vec<Operation> {
    let document = world.http.get(format!("{}/api/openapi.json", world.url)).send().await;
    let document = document.expect("a response").text().await.expect("the document");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, methods) in paths {
        let Some(path) = path.strip_prefix("/api/v1") else { continue };
        for (method, operation) in methods.as_object().expect("methods") {
            if operation["tags"] == json!(["calls"]) {
                continue;
            }
            let method = method.to_uppercase().parse().expect("a method");
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            let needs_role = operation["responses"]["403"].is_object();
            operations.push(Operation { id, method, path: path.to_owned(), needs_role });
        }
    }
    assert!(operations.len() > 30, "the document names {} operations", operations.len());
    operations
}

#[test]
fn no_operation_reaches_a_thing_of_another_project() {
    run(async {
        let world = World::start_without_worker().await;
        let theirs = Theirs::make(&world).await;
        let admin = Script::new(&world, Role::Admin).await;
        let before = theirs.rows(&world).await;
        let ours = world.project.id.to_string();
        let mut tried = 0;
        for operation in operations(&world).await {
            if !operation.is_of_a_project() {
                continue;
            }
            let path = theirs.fill(&operation.path, &ours);
            let (status, response) =
                admin.call_at(operation.method.clone(), &path, operation.body()).await;
            if operation.names_a_thing() {
                assert_eq!(status, 404, "{} {path}: {response}", operation.id);
                tried += 1;
            }
            let text = response.to_string();
            for id in theirs.ids() {
                let is_asked_for = path.contains(id);
                assert!(is_asked_for || !text.contains(id), "{} shows {id}: {text}", operation.id);
            }
        }
        assert!(tried > 15, "{tried} operations name a thing");
        assert_eq!(theirs.rows(&world).await, before);
    });
}

#[test]
fn no_operation_takes_another_credential() {
    run(async {
        let world = World::start_without_worker().await;
        let theirs = Theirs::make(&world).await;
        let viewer = Script::new(&world, Role::Viewer).await;
        let before = theirs.rows(&world).await;
        let project = theirs.project.to_string();
        let mut stranger = Script::new(&world, Role::Admin).await;
        let operations = operations(&world).await;
        let of_none = operations.iter().filter(|operation| !operation.is_of_a_project()).count();
        assert!(of_none > 5, "{of_none} operations are of no one project");
        for operation in operations {
            let path = theirs.fill(&operation.path, &project);
            // An app's key opens nothing here, not even its own project's; nor does a made-up token.
            for credential in [world.key.reveal(), theirs.key.reveal(), "op_nothing", ""] {
                stranger.token = credential.to_owned();
                let (status, _) =
                    stranger.call_at(operation.method.clone(), &path, operation.body()).await;
                assert_eq!(status, 401, "{} with {credential:?}", operation.id);
            }
            let (status, _) =
                viewer.call_at(operation.method.clone(), &path, operation.body()).await;
            assert_eq!(status == 403, operation.needs_role, "{} by a viewer", operation.id);
            assert!(operation.needs_role || operation.method == Method::GET, "{}", operation.id);
        }
        assert_eq!(theirs.rows(&world).await, before);
    });
}

#[test]
fn an_apps_key_says_nothing_of_another_projects_event() {
    run(async {
        let world = World::start_without_worker().await;
        let theirs = Theirs::make(&world).await;
        let before = theirs.rows(&world).await;
        for status in ["success", "failed"] {
            let result = json!({ "event_id": theirs.id("event_id"), "status": status });
            let (code, response) = world.post("/api/v1/result", &result).await;
            assert_eq!(code, 404, "{response}");
        }
        // The same payment under another key is an event of its own.
        let ours = world.receipt(theirs::PAYMENT).await;
        assert_ne!(ours.to_string(), theirs.id("event_id"));
        assert_eq!(theirs.rows(&world).await, before);
    });
}

#[test]
fn no_page_reaches_a_thing_of_another_project() {
    run(async {
        let world = World::start_without_worker().await;
        let theirs = Theirs::make(&world).await;
        let admin = Operator::signed_in(&world, Role::Admin).await;
        let before = theirs.rows(&world).await;
        let ours = world.project.id.to_string();
        let pages = console::pages(&world.state());
        let mut tried = 0;
        for (method, path, _) in pages.list() {
            let Some(rest) = path.strip_prefix("/projects/{project_id}") else { continue };
            if !rest.contains("_id}") {
                continue;
            }
            let filled = theirs.fill(path, &ours);
            let response = if *method == Method::POST {
                admin.send(&filled, &[("csrf", &admin.csrf().await), ("label", "on call")]).await
            } else {
                admin.get(&filled).await
            };
            assert_eq!(response.status, 404, "{method} {filled}");
            tried += 1;
        }
        assert!(tried > 8, "{tried} pages name a thing of a project");
        assert_eq!(theirs.rows(&world).await, before);
    });
}

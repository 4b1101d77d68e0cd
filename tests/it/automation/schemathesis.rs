//! Schemathesis makes requests of the OpenAPI document, right ones and wrong ones, and holds the responses to it: no fault of
//! ours, no status, header or body that the document does not name, and nothing rejected that the document allows.
//!
//! What only this installation knows is said in the test's copy of the document: which names its catalogue has, which
//! cursor a list gave. What rules between several fields, or rows, decide is left out of the last check, and named in
//! [`DECIDED_BY_MORE`].

use std::fs;
use std::process::Command;

use api_types::destinations::AddedDestination;
use domain::operator::Role;
use e2e::World;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Script;
use crate::clients::ask;

const SEED: &str = "1";
/// Cases for each operation, beside those that cover each bound of each field.
const EXAMPLES: &str = "4";

/// Operations whose rejections follow from more than the form of one field, so that the document cannot say them: one of
/// several fields, one for another, what is there already.
const DECIDED_BY_MORE: [&str; 15] = [
    "add_destination",
    "add_extension",
    "archive_project",
    "assign_incident",
    "create_project",
    "preview_bulk_reprocess",
    "preview_bulk_set",
    "remove_declared_name",
    "resolve_incident",
    "set_alert_rules",
    "set_policy",
    "snooze_incident",
    "start_bulk_reprocess",
    "update_destination",
    "update_project",
];

/// The document, with what this project knows.
async fn document(world: &World) -> Value {
    let url = format!("{}/api/openapi.json", world.url);
    let document = world.http.get(url).send().await.expect("a response").text().await;
    let mut document: Value = serde_json::from_str(&document.expect("text")).expect("JSON");
    say_names_of_calls(&mut document);
    for path in document["paths"].as_object_mut().expect("paths").values_mut() {
        for operation in path.as_object_mut().expect("a path").values_mut() {
            let is_removal = operation["operationId"] == "remove_declared_name";
            let of_causes = operation["operationId"] == "list_causes";
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            let Some(parameters) = parameters else { continue };
            // A filter is saved by somebody, and the cursor of causes is of a page that was read.
            parameters
                .retain(|one| one["name"] != "filter" && !(of_causes && one["name"] == "cursor"));
            for parameter in parameters.iter_mut().filter(|one| one["in"] == "query" && !is_removal)
            {
                let known = match parameter["name"].as_str() {
                    Some("event_type") => json!(["invoice.paid"]),
                    Some("effect_type") => json!(["credit_grant"]),
                    Some("action") => json!(["incident.", "incident.opened"]),
                    Some("owner") => json!(["me", "none"]),
                    // No year before 1970, which JSON Schema cannot say of a date.
                    Some("from" | "to") => json!(["1970-01-01", "2026-11-30", "9999-12-31"]),
                    _ => continue,
                };
                parameter["schema"] = json!({ "enum": known });
            }
        }
    }
    document
}

/// Names of the catalogue, a moment that is not too long ago, and a result that says of what it is.
fn say_names_of_calls(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    for body in ["ReceiptBody", "ResultBody"] {
        let fields = &mut schemas[body]["properties"];
        fields["provider"] = json!({ "enum": ["stripe"] });
        fields["event_type"] = json!({ "enum": ["invoice.paid"] });
        fields["effect_type"] = json!({ "enum": ["credit_grant"] });
        fields["internal_reference"] = json!({ "enum": ["user_456"] });
        let fields = fields.as_object_mut().expect("fields");
        fields.remove("shopify_shop_domain");
        // Of two that differ in it alone, as in the reference, a result that does not say it could be about either.
        fields.remove("effect_key");
    }
    // JSON Schema counts 49.0 among whole numbers, and an amount has no point.
    schemas["AmountBody"]["properties"]["value"] = json!({ "enum": [0, 4900] });
    let now = time::OffsetDateTime::now_utc().date();
    schemas["ReceiptBody"]["properties"]["occurred_at"] =
        json!({ "enum": [format!("{now}T00:00:00Z")] });
    let result = &mut schemas["ResultBody"];
    result["required"] = json!([
        "status",
        "provider",
        "provider_event_id",
        "event_type",
        "effect_type",
        "internal_reference",
    ]);
    let fields = result["properties"].as_object_mut().expect("fields");
    fields["provider_event_id"]["type"] = json!("string");
    // Of an event or a reprocess that is there.
    fields.remove("event_id");
    fields.remove("replay_id");
}

/// What the operations are about, by the parameters of their paths.
async fn subjects(world: &World, script: &Script<'_>) -> String {
    let project = world.project.id;
    let event = world.receipt("evt_1").await;
    let incident = world.fail(event, json!({ "error_code": "db_write_failed" })).await;
    let (_, causes) = script.get(&format!("/{project}/causes")).await;
    let cause = causes["data"][0]["cause_id"].as_str().expect("a cause").to_owned();
    let email = json!({ "email": "bob@cometcart.test" });
    let added: AddedDestination = script.send(&format!("/{project}/destinations"), email).await;
    let bulks = format!("/{project}/bulk-reprocesses");
    let bulk: Value = script.send(&bulks, json!({ "action": "acknowledge" })).await;
    let bulk = bulk["bulk_id"].as_str().expect("a bulk").to_owned();
    let subjects = [
        ("project_id", project.to_string()),
        ("event_id", event.to_string()),
        ("incident_id", incident.to_string()),
        ("cause_id", cause),
        ("destination_id", added.destination_id.to_string()),
        ("bulk_id", bulk),
        ("effect_type", "credit_grant".to_owned()),
    ];
    subjects.map(|(name, id)| format!("\"path.{name}\" = {id:?}")).join("\n")
}

/// Who asks, and about what.
async fn configuration(world: &World, script: &Script<'_>) -> String {
    let subjects = subjects(world, script).await;
    // Another one is archived: the keys of an archived project are not valid.
    let (_, other) = script.post("", json!({ "name": "Another shop" })).await;
    let other = other["project_id"].as_str().expect("a project");
    let (key, token) = (world.key.reveal(), &script.token);
    format!(
        r#"
[[operations]]
include-tag = ["calls"]
headers = {{ Authorization = "Bearer {key}" }}

[[operations]]
include-operation-id = ["archive_project"]
headers = {{ Authorization = "Bearer {token}" }}
parameters = {{ "path.project_id" = "{other}" }}

[[operations]]
include-operation-id = {DECIDED_BY_MORE:?}
checks.positive_data_acceptance.enabled = false

[[operations]]
exclude-tag = ["calls"]
headers = {{ Authorization = "Bearer {token}" }}

[operations.parameters]
{subjects}
"#
    )
}

/// Without the check that all that the document forbids is rejected: numbers are taken as texts, and what belongs to
/// another provider is ignored.
fn run_it(folder: &TempDir, url: &str) {
    let libraries = std::path::PathBuf::from(ask("install_test_libraries.py"));
    let start = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())";
    let output = Command::new("python3")
        .args(["-c", start, "--config-file", "schemathesis.toml", "run", "openapi.json"])
        .args(["--url", url, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES, "--seed", SEED, "--no-color", "--continue-on-failure"])
        .args(["--exclude-checks", "negative_data_rejection"])
        .current_dir(folder.path())
        .env("PYTHONPATH", libraries.join("python"))
        .env("NO_PROXY", "*")
        .output()
        .expect("python3");
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
}

#[test]
fn what_the_document_allows_is_accepted_and_every_response_is_one_that_it_names() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let folder = tempfile::tempdir().expect("a folder");
        let document = document(&world).await.to_string();
        fs::write(folder.path().join("openapi.json"), document).expect("a file");
        let configuration = configuration(&world, &script).await;
        fs::write(folder.path().join("schemathesis.toml"), configuration).expect("a file");
        let url = world.url.clone();
        let running = tokio::task::spawn_blocking(move || run_it(&folder, &url));
        running.await.expect("no panic");
    });
}

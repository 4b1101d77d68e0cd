//! An unknown field or parameter is a mistake of the script: it is named, and nothing is changed or listed.

use std::collections::BTreeMap;

use domain::operator::Role;
use e2e::World;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Script, bad_fields};

async fn document(world: &World) -> Value {
    let url = format!("{}/api/openapi.json", world.url);
    let response = world.http.get(url).send().await.expect("a response");
    let document = response.text().await.expect("text");
    serde_json::from_str(&document).expect("JSON")
}

/// Every documented operation of scripts that takes a body: its method, its path, and the fields of the body.
async fn writes(world: &World) -> Vec<(Method, String, Vec<String>)> {
    let document = document(world).await;
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        // The calls of apps ignore what they do not know.
        let Some(path) = path.strip_prefix("/api/v1/projects") else { continue };
        for (method, operation) in methods.as_object().expect("methods") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let Some(name) = schema.as_str().and_then(|schema| schema.rsplit('/').next()) else {
                continue;
            };
            let fields = document["components"]["schemas"][name]["properties"].as_object();
            let fields = fields.expect("fields").keys().cloned().collect();
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            found.push((method, path.to_owned(), fields));
        }
    }
    found
}

async fn rows(world: &World) -> BTreeMap<&'static str, i64> {
    let mut rows = BTreeMap::new();
    for table in [
        "projects",
        "api_keys",
        "destinations",
        "extensions",
        "proof_links",
        "reprocesses",
        "reprocess_policies",
        "bulk_reprocesses",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count = sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count");
        rows.insert(table, count);
    }
    rows
}

#[test]
fn every_write_names_a_field_that_it_does_not_know_and_those_that_it_does() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let event = world.receipt("evt_1").await;
        let incident = world.fail(event, json!({})).await.to_string();
        let project = world.project.id.to_string();
        let bulk: Value = script.send(&format!("/{project}/bulk-reprocesses"), json!({})).await;
        let bulk = bulk["bulk_id"].as_str().expect("an id");
        let list: Value = script.read(&format!("/{project}/causes")).await;
        let cause = list["data"][0]["cause_id"].as_str().expect("a cause").to_owned();
        let before = rows(&world).await;
        let writes = writes(&world).await;
        assert!(writes.len() >= 8, "{writes:?}");
        for (method, path, known) in writes {
            let path = path.replace("{project_id}", &project).replace("{incident_id}", &incident);
            let path = path.replace("{cause_id}", &cause);
            let path = path.replace("{effect_type}", "credit_grant").replace("{bulk_id}", bulk);
            let body = json!({ "webhook_url": "https://shop.example.com", "nothing": null });
            let (status, rejected) = script.call(method.clone(), &path, Some(body)).await;
            assert_eq!(status, 422, "{method} {path}: {rejected}");
            let mistakes = rejected["error"]["fields"].as_array().expect("fields");
            for unknown in ["webhook_url", "nothing"] {
                let mistake = mistakes.iter().find(|mistake| mistake["field"] == unknown);
                let message = mistake.expect("it is named")["message"].as_str().expect("a message");
                for field in &known {
                    assert!(message.contains(field.as_str()), "{method} {path}: {message}");
                }
            }
        }
        assert_eq!(rows(&world).await, before);
    });
}

/// Every documented list of a project, and that of projects: its path, and the parameters of its query.
async fn lists(world: &World) -> Vec<(String, Vec<String>)> {
    let document = document(world).await;
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let Some(path) = path.strip_prefix("/api/v1/projects") else { continue };
        let path = path.replace("{project_id}", &world.project.id.to_string());
        let reads = &methods["get"];
        if reads.is_null() || path.contains('{') {
            continue;
        }
        let parameters = reads["parameters"].as_array().into_iter().flatten();
        let of_query = parameters.filter(|one| one["in"] == "query");
        let known = of_query.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect();
        found.push((path, known));
    }
    found
}

#[test]
fn every_list_names_a_parameter_that_it_does_not_know_and_those_that_it_does() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let lists = lists(&world).await;
        assert!(lists.iter().filter(|(_, known)| !known.is_empty()).count() >= 4, "{lists:?}");
        for (path, known) in lists {
            assert_eq!(script.get(&path).await.0, 200, "{path}");
            let mistyped = format!("{path}?stat=open&limit_=1&stat=open");
            let (status, rejected) = script.reject(Method::GET, &mistyped, None).await;
            assert_eq!((status, rejected.code.as_str()), (422, "validation_error"), "{path}");
            assert_eq!(bad_fields(&rejected), ["limit_", "stat"], "{path}");
            let message = &rejected.fields.expect("fields")[1].message;
            assert!(known.iter().all(|name| message.contains(name.as_str())), "{path}: {message}");
        }
        let url = format!("{}/api/v1/projects?stat=open", world.url);
        let stranger = world.http.get(url).send().await.expect("a response");
        assert_eq!(stranger.status().as_u16(), 401, "who has no token learns nothing");
    });
}

#[test]
fn an_unknown_field_of_a_project_is_named_beside_every_other_mistake_and_changes_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}", world.project.id);
        let (_, before) = script.get(&path).await;
        let body = json!({ "name": "Renamed", "timeout": 5, "timeout_minutes": 0 });
        let (status, rejected) = script.call(Method::PATCH, &path, Some(body)).await;
        let expected = json!([
            { "field": "timeout", "message": "is not known here: use name, mode, timeout_minutes, retention_months, repair_url, snapshots, snapshot_days, snapshot_in_callback, expected_receipts, callback_headers" },
            { "field": "timeout_minutes", "message": "must be a whole number from 1 to 10080" },
        ]);
        assert_eq!((status, &rejected["error"]["fields"]), (422, &expected));
        assert_eq!(script.get(&path).await.1, before);
        let long = Map::from_iter([("\u{1b}".repeat(5_000), json!(1))]);
        let (_, rejected) = script.call(Method::PATCH, &path, Some(Value::Object(long))).await;
        assert_eq!(rejected["error"]["fields"][0]["field"], "␛".repeat(100));
    });
}

#[test]
fn receipts_and_results_go_on_ignoring_what_they_do_not_know() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let mut receipt = e2e::world::receipt("evt_1");
        receipt["webhook_url"] = json!("https://shop.example.com");
        let event = world.send_receipt(&receipt).await;
        world.result(event, "success", json!({ "duration_ms": 9 })).await;
    });
}

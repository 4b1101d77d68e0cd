//! The automation API: what operators do, for scripts with their tokens.

mod callback_headers;
mod conformance;
mod destination_labels;
mod erasures;
mod every_incident;
mod filters;
mod generated_clients;
mod key_labels;
mod policies;
mod schemathesis;
pub mod script;
mod snapshots;
mod told_by;
mod unknown_fields;
mod webhooks;

use std::time::Duration;

use api_types::audit::AuditEntryResponse;
use api_types::destinations::{AddedDestination, DestinationResponse, TestMessageResponse};
use api_types::error::BadField;
use api_types::events::EventDetailsResponse;
use api_types::incidents::IncidentResponse;
use api_types::keys::CreatedKey;
use api_types::list::Listed;
use api_types::projects::{CreatedProject, ProjectResponse};
use api_types::reprocesses::{ReprocessResponse, RequestedReprocess};
use domain::incident::{IncidentState, Resolution};
use domain::operator::Role;
use domain::reprocess::ReprocessState;
use e2e::{World, until_lock_wait};
use reqwest::Method;
use sendpromptly::router;
use serde_json::{Value, json};
use store::projects;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::serve::{ServeOptions, serve};

use script::{Script, accepted, bad_fields};

#[test]
fn two_who_change_different_settings_at_once_both_have_their_way() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}", world.project.id);
        let change = async |body: Value| script.call(Method::PATCH, &path, Some(body)).await;
        let mut tx = world.pool.begin().await.expect("a transaction");
        projects::lock_project(&mut tx, world.project.id).await.expect("a lock");
        let let_go = async {
            until_lock_wait(&world.pool).await;
            tx.rollback().await.expect("let go");
        };
        let (renamed, patient, ()) = tokio::join!(
            change(json!({ "name": "CometCart EU" })),
            change(json!({ "timeout_minutes": 45 })),
            let_go,
        );
        assert_eq!((renamed.0, patient.0), (200, 200), "{renamed:?} {patient:?}");
        let now: ProjectResponse = script.read(&path).await;
        assert_eq!((now.name.as_str(), now.timeout_minutes), ("CometCart EU", 45));
    });
}

#[test]
fn a_repair_url_that_is_not_allowed_any_more_keeps_no_other_setting_from_being_changed() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}", world.project.id);
        let url = "http://10.1.2.3/repair";
        sqlx::query("UPDATE projects SET repair_url = $1")
            .bind(url)
            .execute(&world.pool)
            .await
            .expect("a network that was opened");
        let name = json!({ "name": "CometCart EU" });
        let (status, now) = script.call(Method::PATCH, &path, Some(name)).await;
        assert_eq!((status, &now["repair_url"]), (200, &json!(url)), "{now}");
        let again = json!({ "repair_url": url });
        let (status, rejection) = script.reject(Method::PATCH, &path, Some(again)).await;
        assert_eq!((status, bad_fields(&rejection)), (422, vec!["repair_url"]));
    });
}

#[test]
fn a_script_repairs_what_an_operator_would() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Operator).await;
        let event = world.receipt("evt_1").await;
        world.result(event, "failed", json!({ "error_code": "db_write_failed" })).await;
        let project = format!("/{}", world.project.id);
        let open = format!("{project}/incidents?state=open");
        let open: Listed<IncidentResponse> = script.read(&open).await;
        let [open] = &open.data[..] else { panic!("one incident: {open:?}") };
        assert_eq!(open.error_code.as_deref(), Some("db_write_failed"));
        let incident = format!("{project}/incidents/{}", open.incident_id);

        let acknowledgement = format!("{incident}/acknowledgement");
        let seen: IncidentResponse = script.send(&acknowledgement, json!({})).await;
        assert_eq!(seen.state, IncidentState::Acknowledged);
        let reprocesses = format!("{incident}/reprocesses");
        let (status, requested) = script.post(&reprocesses, json!({ "note": "again" })).await;
        assert_eq!(status, 202, "{requested}");
        let requested: RequestedReprocess = serde_json::from_value(requested).expect("a reprocess");
        assert_eq!(requested.state, ReprocessState::Requested);
        let (status, twice) = script.reject(Method::POST, &reprocesses, Some(json!({}))).await;
        assert_eq!((status, twice.code.as_str()), (409, "incident_conflict"));
        assert!(twice.message.contains(&requested.replay_id.to_string()), "{twice:?}");
        let all: Listed<ReprocessResponse> = script.read(&reprocesses).await;
        assert_eq!(all.data[0].requested_by, "operator:operator@cometcart.test");

        let resolution = format!("{incident}/resolution");
        let (status, unsaid) = script.reject(Method::POST, &resolution, Some(json!({}))).await;
        assert_eq!((status, bad_fields(&unsaid)), (422, vec!["note"]));
        let over: IncidentResponse = script.send(&resolution, json!({ "note": "refunded" })).await;
        assert_eq!(over.resolution, Some(Resolution::Manual));
        let event: EventDetailsResponse = script.read(&format!("{project}/events/{event}")).await;
        let actions: Vec<_> = event.timeline.iter().map(|entry| entry.action.as_str()).collect();
        assert!(actions.contains(&"incident.acknowledged"), "{actions:?}");
        assert!(actions.contains(&"incident.resolved"), "{actions:?}");
    });
}

#[test]
fn a_token_does_what_its_owner_may_and_nothing_after_it_is_revoked() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Script::new(&world, Role::Viewer).await;
        assert_eq!(viewer.get("").await.0, 200);
        let new = json!({ "name": "CometCart" });
        let (status, rejection) = viewer.reject(Method::POST, "", Some(new)).await;
        assert_eq!((status, rejection.code.as_str()), (403, "forbidden"));
        let admin = Script::new(&world, Role::Admin).await;
        let new = json!({ "name": "CometCart", "mode": "live" });
        let made: CreatedProject = admin.send("", new).await;
        assert!(made.signing_secret.starts_with("whsec_"));
        let path = format!("/{}", made.project.project_id);
        let bad = json!({ "repair_url": "http://shop.example.com/repair", "timeout_minutes": 0, "retention_months": 85,
            "mode": "test" });
        let (status, rejection) = admin.reject(Method::PATCH, &path, Some(bad)).await;
        assert_eq!(status, 422);
        let mut names = bad_fields(&rejection);
        names.sort_unstable();
        assert_eq!(names, ["mode", "repair_url", "retention_months", "timeout_minutes"]);
        sqlx::query("UPDATE operator_tokens SET revoked_at = now()")
            .execute(&world.pool)
            .await
            .expect("revoked");
        assert_eq!(admin.get("").await.0, 401);
    });
}

#[test]
fn what_belongs_to_another_project_is_not_found() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let admin = Script::new(&world, Role::Admin).await;
        let event = world.receipt("evt_1").await;
        let incident = world.fail(event, json!({})).await;
        let other: CreatedProject = admin.send("", json!({ "name": "Charlie's" })).await;
        let other = other.project.project_id;
        for path in [format!("/{other}/incidents/{incident}"), format!("/{other}/events/{event}")] {
            assert_eq!(admin.get(&path).await.0, 404, "{path}");
        }
        let (status, _) =
            admin.post(&format!("/{other}/incidents/{incident}/reprocesses"), json!({})).await;
        assert_eq!(status, 404);
        let keys = format!("/{}/keys", world.project.id);
        let created: CreatedKey = admin.send(&keys, json!({ "label": "worker" })).await;
        let key = created.key_id;
        assert_eq!(admin.call(Method::DELETE, &format!("/{other}/keys/{key}"), None).await.0, 404);
        assert_eq!(admin.call(Method::DELETE, &format!("{keys}/{key}"), None).await.0, 204);
        let none: Listed<IncidentResponse> = admin.read(&format!("/{other}/incidents")).await;
        assert!(none.data.is_empty(), "{none:?}");
    });
}

#[test]
fn every_documented_operation_is_there_and_asks_for_a_token() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let url = format!("{}/api/openapi.json", world.url);
        let document =
            world.http.get(url).send().await.expect("a response").text().await.expect("text");
        let document: Value = serde_json::from_str(&document).expect("JSON");
        assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
        let paths = document["paths"].as_object().expect("paths");
        let mut operations = 0;
        for (path, methods) in paths {
            let filled = path.replace(['{', '}'], "");
            for method in ["get", "post", "patch", "delete", "put"] {
                let url = format!("{}{filled}", world.url);
                let verb = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                let request = world.http.request(verb, url);
                let request = request.header("content-type", "application/json").body("{}");
                let status = request.send().await.expect("a response").status().as_u16();
                let expected = if methods[method].is_object() { 401 } else { 405 };
                assert_eq!(status, expected, "{method} {path}");
                operations += usize::from(expected == 401);
            }
        }
        assert!(operations >= 20, "{operations}");
        for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
            assert!(schema.is_object(), "{name}");
        }
        let page = world.http.get(format!("{}/api/reference", world.url)).send().await;
        let page = page.expect("a response").text().await.expect("text");
        for path in paths.keys() {
            assert!(page.contains(path.as_str()), "{path} is not on the reference page");
        }
    });
}

#[test]
fn a_filter_that_nothing_can_have_is_rejected_and_named() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Viewer).await;
        for (query, field, allowed) in [
            ("incidents?event_type=%00", "event_type", "nearest: "),
            ("incidents?event_type=invoice", "event_type", "nearest: invoice.paid"),
            ("events?event_type=%00", "event_type", "nearest: "),
            ("incidents?owner=a%00b", "owner", "address of an operator"),
            ("audit?actor=a%00b", "actor", "control characters"),
            ("audit?action=%00", "action", "incident.opened, "),
            ("audit?action=incident", "action", "such as incident."),
            ("audit?subject=%00", "subject", "id of a project"),
            ("audit?from=yesterday", "from", "2026-11-21"),
            ("audit?to=2026-02-30", "to", "2026-11-21"),
        ] {
            let path = format!("/{}/{query}", world.project.id);
            let (status, rejected) = script.reject(Method::GET, &path, None).await;
            assert_eq!((status, rejected.code.as_str()), (422, "validation_error"));
            assert_eq!(bad_fields(&rejected), [field], "{query}");
            let message = &rejected.fields.expect("fields")[0].message;
            assert!(message.contains(allowed), "{query}: {message}");
        }
        let both = format!("/{}/audit?actor=%00&action=sneezed", world.project.id);
        let (_, rejected) = script.reject(Method::GET, &both, None).await;
        assert_eq!(bad_fields(&rejected).len(), 2);
        for query in ["incidents?q=%00", "events?q=%00", "events?event_type=invoice.paid"] {
            assert_eq!(script.get(&format!("/{}/{query}", world.project.id)).await.0, 200);
        }
    });
}

#[test]
fn the_audit_is_narrowed_by_days_as_on_its_page() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Viewer).await;
        world.receipt("evt_1").await;
        let found = async |query: &str| {
            let path = format!("/{}/audit?{query}", world.project.id);
            script.read::<Listed<AuditEntryResponse>>(&path).await.data.len()
        };
        let today = time::OffsetDateTime::now_utc().date();
        let day = |days: i64| today + time::Duration::days(days);
        // Midnight may pass in the meantime.
        let (yesterday, tomorrow) = (day(-1), day(1));
        assert_eq!(found(&format!("from={today}&to={tomorrow}")).await, 1, "the last one counts");
        assert_eq!(found(&format!("to={yesterday}")).await, 0);
        assert_eq!(found(&format!("from={}", day(2))).await, 0);
    });
}

#[test]
fn a_reprocess_that_nobody_can_be_asked_for_is_rejected_with_the_cure() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Operator).await;
        let event = world.receipt("evt_1").await;
        let incident = world.fail(event, json!({})).await.to_string();
        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&world.pool)
            .await
            .expect("a database");
        let path = format!("/{}/incidents/{incident}", world.project.id);
        let reprocesses = format!("{path}/reprocesses");
        let (status, rejected) = script.reject(Method::POST, &reprocesses, Some(json!({}))).await;
        assert_eq!((status, rejected.code.as_str()), (409, "incident_conflict"));
        let cure = format!(
            "the project has no repair URL; set repair_url with PATCH /api/v1/projects/{} first",
            world.project.id
        );
        assert_eq!(rejected.message, cure);
        assert_eq!(script.read::<IncidentResponse>(&path).await.state, IncidentState::Open);
        let asked = ["incident", "reprocess", &incident];
        let (code, rejected) = world.cli(&asked).await.expect("a command");
        assert_eq!((code, &rejected["error"]["code"]), (1, &json!("incident_conflict")));
    });
}

#[test]
fn an_address_that_is_told_already_is_rejected_by_api_and_command_line() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}/destinations", world.project.id);
        let email = json!({ "email": "bob@cometcart.test" });
        let bob = script.send::<AddedDestination>(&path, email).await.destination_id;
        let email = json!({ "email": "Bob@CometCart.test" });
        let (status, rejected) = script.reject(Method::POST, &path, Some(email)).await;
        let message = format!("already receives alerts, as destination {bob}");
        let expected = vec![BadField { field: "email".to_owned(), message }];
        assert_eq!((status, rejected.fields), (422, Some(expected)));
        let id = world.project.id.to_string();
        let command = ["destination", "add", "--project", &id, "--email", "bob@cometcart.test"];
        let (code, rejected) = world.cli(&command).await.expect("a command");
        assert_eq!((code, &rejected["error"]["code"]), (1, &json!("validation_error")));
        assert_eq!(
            rejected["error"]["message"],
            format!("email already receives alerts, as destination {bob}")
        );
        let all: Listed<DestinationResponse> = script.read(&path).await;
        assert_eq!(all.data.len(), 1);
    });
}

#[test]
fn a_destination_goes_by_its_label_in_api_and_command_line() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}/destinations", world.project.id);
        let url = "https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrstWxYz";
        let body = json!({ "slack": url, "label": "#payments" });
        assert_eq!(script.post(&path, body).await.0, 201);
        let body = json!({ "slack": url, "label": "a\nb" });
        let (status, rejected) = script.reject(Method::POST, &path, Some(body)).await;
        assert_eq!((status, bad_fields(&rejected)), (422, vec!["label"]));
        let id = world.project.id.to_string();
        let add = ["destination", "add", "--project", &id];
        for more in [&["--slack", url][..], &["--email", "bob@cometcart.test", "--label", "Bob"]] {
            let (code, added) = world.cli(&[&add[..], more].concat()).await.expect("a command");
            assert_eq!(code, 0, "{added}");
        }
        let expected = [
            ("hooks.slack.com", "#payments"),
            ("hooks.slack.com", "Slack …WxYz"),
            ("bob@cometcart.test", "Bob"),
        ]
        .map(|(address, label)| json!([address, label]));
        let list = ["destination", "list", "--project", &id];
        for list in [script.get(&path).await.1, world.cli(&list).await.expect("a command").1] {
            let rows = list["data"].as_array().expect("a list").iter();
            let found: Vec<_> = rows.map(|row| json!([row["address"], row["label"]])).collect();
            assert_eq!(found, expected);
        }
    });
}

#[test]
fn only_a_body_that_is_read_has_to_be_json() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let script = Script::new(&world, Role::Admin).await;
        let project = format!("/{}", world.project.id);
        let destinations = format!("{project}/destinations");
        let all: Listed<DestinationResponse> = script.read(&destinations).await;
        let test = format!("{destinations}/{}/tests", all.data[0].destination_id);
        let tested = script.call(Method::POST, &test, None).await;
        assert!(accepted::<TestMessageResponse>(tested).delivered);
        assert_eq!(script.call(Method::HEAD, &project, None).await.0, 200);
        for (method, path) in [(Method::POST, String::new()), (Method::PATCH, project)] {
            let (status, rejected) = script.reject(method, &path, None).await;
            assert_eq!((status, rejected.code.as_str()), (415, "unsupported_media_type"), "{path}");
        }
    });
}

#[test]
fn a_test_message_is_noted_even_if_its_caller_is_cut_off() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        let script = Script::new(&world, Role::Admin).await;
        let destinations = format!("/{}/destinations", world.project.id);
        let all: Listed<DestinationResponse> = script.read(&destinations).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let test = format!(
            "http://{}/api/v1/projects{destinations}/{}/tests",
            listener.local_addr().expect("an address"),
            all.data[0].destination_id
        );
        let (state, stop) = (world.state(), CancellationToken::new());
        let (detached, drain) = (state.detached.clone(), Duration::ZERO);
        let options = ServeOptions { detached, drain, ..ServeOptions::default() };
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(serve(listener, router(&state), stopped, options));
        slack.hang_next(Duration::from_secs(1));
        let request = world.http.post(test).bearer_auth(&script.token).send();
        let asking = tokio::spawn(request);
        slack.wait_for(1).await;
        stop.cancel();
        serving.await.expect("it ends");
        asking.await.expect("no panic").expect_err("cut off without an answer");
        e2e::eventually("the test is in the audit", async || {
            let tests = "SELECT count(*) FROM audit_entries WHERE action = 'destination.tested'";
            let count: i64 =
                sqlx::query_scalar(tests).fetch_one(&world.pool).await.expect("a count");
            (count == 1).then_some(())
        })
        .await;
    });
}

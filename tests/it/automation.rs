//! The automation API: what operators do, for scripts with their tokens.

mod callback_headers;
mod generated_clients;
mod unknown_fields;

use std::time::Duration;

use domain::operator::Role;
use domain::secret_token::OperatorToken;
use e2e::{Receiver, World, WorldOptions, console, somebody_waits};
use reqwest::Method;
use sendpromptly::router;
use serde_json::{Value, json};
use store::destinations::Target;
use store::{operator_tokens, projects};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::serve::{ServeOptions, serve};

/// A script that acts for an operator.
struct Script<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Script<'a> {
    async fn of(world: &'a World, role: Role) -> Self {
        let email = format!("{role}@cometcart.test");
        let operator = console::add(&world.pool, &email, role).await;
        let mut random = [0; 96];
        getrandom::fill(&mut random).expect("random bytes");
        let token = OperatorToken::from_random(&random).expect("a token");
        operator_tokens::insert_token(&world.pool, operator, "nightly", &token)
            .await
            .expect("a token");
        Self { world, token: token.reveal().to_owned() }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/api/v1/projects{path}", self.world.url);
        let mut request = self.world.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }
}

async fn world() -> World {
    World::start_with(WorldOptions::default().without_worker()).await
}

#[test]
fn two_who_change_different_settings_at_once_both_have_their_way() {
    e2e::run(async {
        let world = world().await;
        let script = Script::of(&world, Role::Admin).await;
        let path = format!("/{}", world.project.id);
        let change = async |body: Value| script.call(Method::PATCH, &path, Some(body)).await;
        let mut tx = world.pool.begin().await.expect("a transaction");
        projects::lock_project(&mut tx, world.project.id).await.expect("a lock");
        let let_go = async {
            somebody_waits(&world.pool).await;
            tx.rollback().await.expect("let go");
        };
        let (renamed, patient, ()) = tokio::join!(
            change(json!({ "name": "CometCart EU" })),
            change(json!({ "timeout_minutes": 45 })),
            let_go,
        );
        assert_eq!((renamed.0, patient.0), (200, 200), "{renamed:?} {patient:?}");
        let (_, now) = script.get(&path).await;
        assert_eq!((&now["name"], &now["timeout_minutes"]), (&json!("CometCart EU"), &json!(45)));
    });
}

#[test]
fn a_script_repairs_what_an_operator_would() {
    e2e::run(async {
        let world = world().await;
        let script = Script::of(&world, Role::Operator).await;
        let event = world.receipt("evt_1").await;
        world.result(event, "failed", json!({ "error_code": "db_write_failed" })).await;
        let project = format!("/{}", world.project.id);
        let (status, list) = script.get(&format!("{project}/incidents?state=open")).await;
        assert_eq!((status, list["data"].as_array().map(Vec::len)), (200, Some(1)), "{list}");
        assert_eq!(list["data"][0]["error_code"], "db_write_failed");
        let incident = list["data"][0]["incident_id"].as_str().expect("an id");
        let incident = format!("{project}/incidents/{incident}");

        let (status, seen) = script.post(&format!("{incident}/acknowledgement"), json!({})).await;
        assert_eq!((status, &seen["state"]), (200, &json!("acknowledged")), "{seen}");
        let (status, asked) =
            script.post(&format!("{incident}/reprocesses"), json!({ "note": "again" })).await;
        assert_eq!((status, &asked["state"]), (202, &json!("requested")), "{asked}");
        let (status, twice) = script.post(&format!("{incident}/reprocesses"), json!({})).await;
        assert_eq!((status, &twice["error"]["code"]), (409, &json!("incident_conflict")));
        let replay_id = asked["replay_id"].as_str().expect("an id");
        assert!(twice["error"]["message"].as_str().expect("text").contains(replay_id), "{twice}");
        let (_, all) = script.get(&format!("{incident}/reprocesses")).await;
        assert_eq!(all["data"][0]["requested_by"], "operator:operator@cometcart.test");

        let (status, unsaid) = script.post(&format!("{incident}/resolution"), json!({})).await;
        assert_eq!((status, &unsaid["error"]["fields"][0]["field"]), (422, &json!("note")));
        let (status, over) =
            script.post(&format!("{incident}/resolution"), json!({ "note": "refunded" })).await;
        assert_eq!((status, &over["resolution"]), (200, &json!("manual")), "{over}");
        let (_, story) = script
            .get(&format!("{project}/events/{}", over["event_id"].as_str().expect("an id")))
            .await;
        let actions: Vec<_> = story["timeline"]
            .as_array()
            .expect("a timeline")
            .iter()
            .map(|one| one["action"].clone())
            .collect();
        assert!(actions.contains(&json!("incident.acknowledged")), "{actions:?}");
        assert!(actions.contains(&json!("incident.resolved")), "{actions:?}");
    });
}

#[test]
fn a_token_does_what_its_owner_may_and_nothing_after_it_is_revoked() {
    e2e::run(async {
        let world = world().await;
        let viewer = Script::of(&world, Role::Viewer).await;
        assert_eq!(viewer.get("").await.0, 200);
        let (status, rejection) = viewer.post("", json!({ "name": "CometCart" })).await;
        assert_eq!((status, &rejection["error"]["code"]), (403, &json!("forbidden")));
        let admin = Script::of(&world, Role::Admin).await;
        let (status, made) = admin.post("", json!({ "name": "CometCart", "mode": "live" })).await;
        assert_eq!(status, 201, "{made}");
        assert!(made["signing_secret"].as_str().expect("a secret").starts_with("whsec_"));
        let id = made["project_id"].as_str().expect("an id");
        let bad = json!({ "repair_url": "http://shop.example.com/repair", "timeout_minutes": 0, "mode": "test" });
        let (status, rejection) = admin.call(Method::PATCH, &format!("/{id}"), Some(bad)).await;
        assert_eq!(status, 422);
        let fields = rejection["error"]["fields"].as_array().expect("fields");
        let mut names: Vec<_> =
            fields.iter().map(|one| one["field"].as_str().expect("a name")).collect();
        names.sort_unstable();
        assert_eq!(names, ["mode", "repair_url", "timeout_minutes"]);
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
        let world = world().await;
        let admin = Script::of(&world, Role::Admin).await;
        let event = world.receipt("evt_1").await;
        world.result(event, "failed", json!({})).await;
        let (_, list) = admin.get(&format!("/{}/incidents", world.project.id)).await;
        let incident = list["data"][0]["incident_id"].as_str().expect("an id");
        let (_, other) = admin.post("", json!({ "name": "Charlie's" })).await;
        let other = other["project_id"].as_str().expect("an id");
        for path in [
            format!("/{other}/incidents/{incident}"),
            format!("/{other}/events/{}", list["data"][0]["event_id"].as_str().expect("an id")),
        ] {
            assert_eq!(admin.get(&path).await.0, 404, "{path}");
        }
        let (status, _) =
            admin.post(&format!("/{other}/incidents/{incident}/reprocesses"), json!({})).await;
        assert_eq!(status, 404);
        let (_, key) =
            admin.post(&format!("/{}/keys", world.project.id), json!({ "label": "worker" })).await;
        let key = key["key_id"].as_str().expect("an id");
        assert_eq!(admin.call(Method::DELETE, &format!("/{other}/keys/{key}"), None).await.0, 404);
        assert_eq!(
            admin.call(Method::DELETE, &format!("/{}/keys/{key}", world.project.id), None).await.0,
            204
        );
        assert_eq!(admin.get(&format!("/{other}/incidents")).await.1["data"], json!([]));
    });
}

#[test]
fn every_documented_operation_is_there_and_asks_for_a_token() {
    e2e::run(async {
        let world = world().await;
        let url = format!("{}/api/openapi.json", world.url);
        let document =
            world.http.get(url).send().await.expect("an answer").text().await.expect("text");
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
                let status = request.send().await.expect("an answer").status().as_u16();
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
        let page = page.expect("an answer").text().await.expect("text");
        for path in paths.keys() {
            assert!(page.contains(path.as_str()), "{path} is not on the reference page");
        }
    });
}

#[test]
fn a_filter_that_nothing_can_have_is_rejected_and_named() {
    e2e::run(async {
        let world = world().await;
        let script = Script::of(&world, Role::Viewer).await;
        for (query, field, allowed) in [
            ("incidents?event_type=%00", "event_type", "nearest: "),
            ("incidents?event_type=invoice", "event_type", "nearest: invoice.paid"),
            ("events?event_type=%00", "event_type", "nearest: "),
            ("audit?actor=a%00b", "actor", "control characters"),
            ("audit?action=%00", "action", "incident.opened, "),
            ("audit?action=incident", "action", "such as incident."),
            ("audit?subject=%00", "subject", "id of a project"),
            ("audit?from=yesterday", "from", "2026-11-21"),
            ("audit?to=2026-02-30", "to", "2026-11-21"),
        ] {
            let (status, rejected) = script.get(&format!("/{}/{query}", world.project.id)).await;
            assert_eq!((status, &rejected["error"]["code"]), (422, &json!("validation_error")));
            let mistakes = rejected["error"]["fields"].as_array().expect("fields");
            assert_eq!((mistakes.len(), &mistakes[0]["field"]), (1, &json!(field)), "{query}");
            let said = mistakes[0]["message"].as_str().expect("a message");
            assert!(said.contains(allowed), "{query}: {said}");
        }
        let both = format!("/{}/audit?actor=%00&action=sneezed", world.project.id);
        assert_eq!(script.get(&both).await.1["error"]["fields"].as_array().map(Vec::len), Some(2));
        for query in ["incidents?q=%00", "events?q=%00", "events?event_type=invoice.paid"] {
            assert_eq!(script.get(&format!("/{}/{query}", world.project.id)).await.0, 200);
        }
    });
}

#[test]
fn the_audit_is_narrowed_by_days_as_on_its_page() {
    e2e::run(async {
        let world = world().await;
        let script = Script::of(&world, Role::Viewer).await;
        world.receipt("evt_1").await;
        let found = async |query: &str| {
            let (status, list) = script.get(&format!("/{}/audit?{query}", world.project.id)).await;
            assert_eq!(status, 200, "{list}");
            list["data"].as_array().expect("a list").len()
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
        let world = world().await;
        let script = Script::of(&world, Role::Operator).await;
        let event = world.receipt("evt_1").await;
        let failed = world.result(event, "failed", json!({})).await;
        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&world.pool)
            .await
            .expect("a database");
        let incident = failed["incident"]["id"].as_str().expect("an id");
        let path = format!("/{}/incidents/{incident}", world.project.id);
        let (status, rejected) = script.post(&format!("{path}/reprocesses"), json!({})).await;
        assert_eq!((status, &rejected["error"]["code"]), (409, &json!("incident_conflict")));
        let cure = format!(
            "the project has no repair URL; set repair_url with PATCH /api/v1/projects/{} first",
            world.project.id
        );
        assert_eq!(rejected["error"]["message"], cure);
        assert_eq!(script.get(&path).await.1["state"], "open");
        let asked = ["incident", "reprocess", incident];
        let (code, rejected) = world.cli(&asked).await.expect("a command");
        assert_eq!((code, &rejected["error"]["code"]), (1, &json!("incident_conflict")));
    });
}

#[test]
fn an_address_that_is_told_already_is_rejected_by_api_and_command_line() {
    e2e::run(async {
        let world = world().await;
        let script = Script::of(&world, Role::Admin).await;
        let path = format!("/{}/destinations", world.project.id);
        let add = async |address: &str| script.post(&path, json!({ "email": address })).await;
        let (status, made) = add("bob@cometcart.test").await;
        let bob = made["destination_id"].as_str().expect("an id").to_owned();
        assert_eq!(status, 201);
        let (status, rejected) = add("Bob@CometCart.test").await;
        let expected = json!([{ "field": "email", "message": format!("already receives alerts, as destination {bob}") }]);
        assert_eq!((status, &rejected["error"]["fields"]), (422, &expected));
        let id = world.project.id.to_string();
        let command = ["destination", "add", "--project", &id, "--email", "bob@cometcart.test"];
        let (code, rejected) = world.cli(&command).await.expect("a command");
        assert_eq!((code, &rejected["error"]["code"]), (1, &json!("validation_error")));
        assert_eq!(
            rejected["error"]["message"],
            format!("email already receives alerts, as destination {bob}")
        );
        assert_eq!(script.get(&path).await.1["data"].as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn a_destination_goes_by_its_label_in_api_and_command_line() {
    e2e::run(async {
        let world = world().await;
        let script = Script::of(&world, Role::Admin).await;
        let path = format!("/{}/destinations", world.project.id);
        let url = "https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrstWxYz";
        let body = json!({ "slack": url, "label": "#payments" });
        assert_eq!(script.post(&path, body).await.0, 201);
        let body = json!({ "slack": url, "label": "a\nb" });
        let (status, rejected) = script.post(&path, body).await;
        assert_eq!((status, &rejected["error"]["fields"][0]["field"]), (422, &json!("label")));
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
        let world = world().await;
        world.tell_bob().await;
        let script = Script::of(&world, Role::Admin).await;
        let project = format!("/{}", world.project.id);
        let (_, list) = script.get(&format!("{project}/destinations")).await;
        let bob = list["data"][0]["destination_id"].as_str().expect("an id");
        let test = format!("{project}/destinations/{bob}/tests");
        let (status, tested) = script.call(Method::POST, &test, None).await;
        assert_eq!((status, &tested["delivered"]), (200, &json!(true)), "{tested}");
        assert_eq!(script.call(Method::HEAD, &project, None).await.0, 200);
        for (method, path) in [(Method::POST, String::new()), (Method::PATCH, project)] {
            let (status, rejected) = script.call(method, &path, None).await;
            let code = &rejected["error"]["code"];
            assert_eq!((status, code), (415, &json!("unsupported_media_type")), "{path}");
        }
    });
}

#[test]
fn a_test_message_is_noted_even_if_its_caller_is_cut_off() {
    e2e::run(async {
        let world = world().await;
        let slack = Receiver::start().await.expect("a receiver");
        world.tell(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        let script = Script::of(&world, Role::Admin).await;
        let (_, list) = script.get(&format!("/{}/destinations", world.project.id)).await;
        let channel = list["data"][0]["destination_id"].as_str().expect("an id");

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let test = format!(
            "http://{}/api/v1/projects/{}/destinations/{channel}/tests",
            listener.local_addr().expect("an address"),
            world.project.id
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

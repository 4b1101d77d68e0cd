//! Command line, API and console: the same rules, and another project sees nothing.

use domain::ids::ExtensionId;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, run};
use reqwest::Method;
use serde_json::{Value, json};

use super::{add, add_probe, queue};
use crate::automation::script::{Script, bad_fields};

#[test]
fn the_command_line_registers_lists_pauses_and_removes() {
    run(async {
        let world = World::start_without_worker().await;
        let queue = queue(&world);
        let more = ["--activity", "credits.verify", "--queue", &queue, "--budget", "2m"];
        let more = [&more[..], &["--trust", "propose", "--heartbeat", "5s"]].concat();
        let (code, added) = add(&world, "before_incident", &more).await;
        let id = added["extension_id"].clone();
        assert_eq!(
            (code, added),
            (
                0,
                json!({"extension_id": id, "point": "before_incident", "kind": "activity", "queue": queue,
                    "trust": "propose", "budget_seconds": 120})
            )
        );
        let (code, again) = add(&world, "before_incident", &more).await;
        let message = again["error"]["message"].as_str().expect("a message");
        assert!(code == 1 && message.contains("is registered at this point already"), "{message}");

        let id = id.as_str().expect("an id");
        let (_, paused) = world.cli(&["extension", "pause", id]).await.expect("a command");
        assert!(paused["paused_at"].is_string(), "{paused}");
        let (_, resumed) = world.cli(&["extension", "resume", id]).await.expect("a command");
        assert!(resumed["paused_at"].is_null(), "{resumed}");
        let (_, listed) = world.cli(&["extension", "list"]).await.expect("a command");
        assert_eq!(listed["data"][0]["extension_id"], json!(id));
        assert_eq!(listed["data"][0]["created_by"], "cli:bob");
        assert_eq!(listed["data"][0]["heartbeat_seconds"], 5);
        let (code, _) = world.cli(&["extension", "remove", id]).await.expect("a command");
        assert_eq!(code, 0);
        let (code, gone) = world.cli(&["extension", "remove", id]).await.expect("a command");
        assert_eq!((code, &gone["error"]["code"]), (1, &json!("not_found")));
        let actions =
            "SELECT action FROM audit_entries WHERE action LIKE 'extension.%' ORDER BY at";
        let actions: Vec<String> =
            sqlx::query_scalar(actions).fetch_all(&world.pool).await.expect("the audit");
        let all = ["extension.added", "extension.paused", "extension.resumed", "extension.removed"];
        assert_eq!(actions, all);
    });
}

#[test]
fn a_queue_outside_the_prefix_is_rejected_by_name_at_every_door() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let project = world.project.id;
        for queue in ["sendpromptly", "sendpromptly-ext.", "Sendpromptly-ext.a", "sendpromptly-ext"]
        {
            let more = ["--activity", "resolve_incident", "--queue", queue];
            let (code, rejected) = add(&world, "before_incident", &more).await;
            assert_eq!((code, &rejected["error"]["code"]), (1, &json!("validation_error")));
            let message = rejected["error"]["message"].as_str().expect("a message");
            assert!(message.starts_with("queue must begin with sendpromptly-ext."), "{message}");

            let body =
                json!({"point": "before_incident", "activity": "resolve_incident", "queue": queue});
            let path = format!("/{project}/extensions");
            let (status, error) = script.reject(Method::POST, &path, Some(body)).await;
            assert_eq!((status, error.code.as_str()), (422, "validation_error"));
            assert_eq!(bad_fields(&error), ["queue"]);

            let page = format!("/projects/{project}/extensions");
            let typed = [
                ("point", "before_incident"),
                ("activity", "a"),
                ("queue", queue),
                ("budget_seconds", "60"),
            ];
            let response = alice.submit(&page, &page, &typed).await;
            assert_eq!(response.status, 422, "{queue}");
            let error = response.page().error("Task queue").expect("an error");
            assert!(error.starts_with("Must begin with sendpromptly-ext."), "{error}");
        }
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM extensions")
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        assert_eq!(count, 0);
    });
}

#[test]
fn a_viewer_changes_nothing_and_calls_nobody() {
    run(async {
        let world = World::start_without_worker().await;
        let id = add_probe(&world).await;
        let mine = format!("/{}/extensions", world.project.id);
        let body = json!({"point": "reprocess", "activity": "a", "queue": queue(&world)});
        let viewer = Script::new(&world, Role::Viewer).await;
        for (method, path, body) in [
            (Method::POST, mine.clone(), Some(body.clone())),
            (Method::POST, format!("{mine}/{id}/pause"), None),
            (Method::POST, format!("{mine}/{id}/resume"), None),
            (Method::POST, format!("{mine}/{id}/trials"), Some(json!({}))),
            (Method::DELETE, format!("{mine}/{id}"), None),
        ] {
            let (status, error) = viewer.reject(method, &path, body).await;
            assert_eq!((status, error.code.as_str()), (403, "forbidden"), "{path}");
        }
    });
}

#[test]
fn another_project_sees_nothing_and_changes_nothing() {
    run(async {
        let world = World::start_without_worker().await;
        let id = add_probe(&world).await;
        let mine = format!("/{}/extensions", world.project.id);
        world.charlie().await;
        let other: uuid::Uuid = sqlx::query_scalar("SELECT id FROM projects WHERE id <> $1")
            .bind(world.project.id.as_uuid())
            .fetch_one(&world.pool)
            .await
            .expect("another project");
        let theirs = format!("/{}/extensions", domain::ids::ProjectId::from_uuid(other));
        let admin = Script::new(&world, Role::Admin).await;
        for (method, path, body) in [
            (Method::GET, format!("{theirs}/{id}"), None),
            (Method::POST, format!("{theirs}/{id}/pause"), None),
            (Method::POST, format!("{theirs}/{id}/trials"), Some(json!({}))),
            (Method::DELETE, format!("{theirs}/{id}"), None),
        ] {
            let (status, error) = admin.reject(method, &path, body).await;
            assert_eq!((status, error.code.as_str()), (404, "not_found"), "{path}");
        }
        let listed: Value = admin.read(&theirs).await;
        assert_eq!(listed["data"], json!([]));
        let kept: Value = admin.read(&format!("{mine}/{id}")).await;
        assert_eq!(
            (&kept["paused_at"], &kept["activity"]),
            (&Value::Null, &json!("credits.verify"))
        );
    });
}

#[test]
fn the_api_registers_an_endpoint_and_shows_its_secret_once() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let mine = format!("/{}/extensions", world.project.id);
        let body = json!({"point": "reprocess", "url": world.repair.url(), "fallback": "none"});
        let added: Value = script.send(&mine, body.clone()).await;
        assert!(added["signing_secret"].as_str().expect("a secret").starts_with("whsec_"));
        let id = added["extension_id"].as_str().expect("an id");
        let shown: Value = script.read(&format!("{mine}/{id}")).await;
        assert_eq!((&shown["fallback"], shown.get("signing_secret")), (&json!("none"), None));
        let (status, error) = script.reject(Method::POST, &mine, Some(body)).await;
        assert_eq!((status, bad_fields(&error)), (422, vec!["url"]));
        let typo = json!({"point": "reprocess", "url": world.repair.url(), "budget": 5});
        let (_, error) = script.reject(Method::POST, &mine, Some(typo)).await;
        assert_eq!(bad_fields(&error), ["budget"]);
        let beats =
            json!({"point": "after_failure", "url": world.repair.url(), "heartbeat_seconds": 5});
        let (_, error) = script.reject(Method::POST, &mine, Some(beats)).await;
        assert_eq!(bad_fields(&error), ["heartbeat_seconds"]);
    });
}

#[test]
fn the_schemas_are_served_to_everyone() {
    run(async {
        let world = World::start_without_worker().await;
        for name in ["input", "probe-answer", "reprocess-answer", "message"] {
            let path = format!("/api/extensions/2026-12-01/{name}.json");
            let response = world.http.get(format!("{}{path}", world.url)).send().await;
            let response = response.expect("a response");
            assert_eq!(response.headers()["content-type"], "application/schema+json");
            let schema: Value =
                serde_json::from_str(&response.text().await.expect("text")).expect("JSON");
            assert_eq!(schema["$id"], json!(path));
        }
        let other = format!("{}/api/extensions/2026-12-02/input.json", world.url);
        assert_eq!(world.http.get(other).send().await.expect("a response").status(), 404);
    });
}

#[test]
fn the_page_of_an_extension_says_how_it_is_and_changes_it() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let list = format!("/projects/{}/extensions", world.project.id);
        assert_eq!(alice.page(&list).await.heading(), "CometCart has no extension");
        let queue = queue(&world);
        let typed = |heartbeat| {
            [
                ("point", "before_incident"),
                ("activity", "credits.verify"),
                ("queue", queue.as_str()),
                ("trust", "settle"),
                ("budget_seconds", "60"),
                ("heartbeat_seconds", heartbeat),
            ]
        };
        let rejected = alice.submit(&list, &list, &typed("soon")).await;
        assert_eq!(rejected.status, 422, "{}", rejected.body);
        let error = rejected.page().error("Seconds between heartbeats").expect("an error");
        assert_eq!(error, "Must be a whole number from 2 to 15.");
        let typed = typed("5");
        let added = alice.submit(&list, &list, &typed).await;
        assert_eq!(added.status, 303, "{}", added.body);
        let page = added.location.expect("a page");
        let id: ExtensionId = page.rsplit('/').next().expect("an id").parse().expect("an id");
        let shown = alice.page(&page).await;
        assert_eq!(shown.heading(), "credits.verify is asked before an incident opens");
        let body = alice.get(&page).await.body;
        assert!(body.contains(&format!("No worker polls {queue}.")), "{body}");
        assert!(body.contains("<dt>Heartbeat</dt><dd>5 s</dd>"), "{body}");

        let paused = alice.submit(&page, &format!("{page}/pause"), &[]).await;
        assert_eq!(paused.status, 303, "{}", paused.body);
        assert!(alice.get(&page).await.body.contains("Paused for"));
        let removed = alice.submit(&page, &format!("{page}/remove"), &[]).await;
        assert_eq!(removed.location.as_deref(), Some(list.as_str()));
        assert_eq!(alice.get(&format!("{list}/{id}")).await.status, 404);
    });
}

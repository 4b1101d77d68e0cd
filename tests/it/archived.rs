//! A project that is archived takes nothing new and leaves every list; nothing of it is lost, and it comes back as it was.

use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::receipt;
use e2e::{World, eventually, run};
use serde_json::{Value, json};

use crate::automation::script::Script;

async fn cli(world: &World, arguments: &[&str]) -> Value {
    let (code, output) = world.cli(arguments).await.expect("a command");
    assert_eq!(code, 0, "{arguments:?}: {output}");
    output
}

/// Until a receipt of the project gets this status.
async fn until(world: &World, wanted: u16) {
    eventually(&format!("a receipt that is {wanted}"), async || {
        let (status, _) = world.post("/api/v1/receipt", &receipt("evt_later")).await;
        (status == wanted).then_some(())
    })
    .await;
}

async fn audited(world: &World) -> Vec<String> {
    let sql = "SELECT split_part(actor, ':', 1) || ' ' || action FROM audit_entries
        WHERE action IN ('project.archived', 'project.restored') ORDER BY at, id";
    sqlx::query_scalar(sql).fetch_all(&world.pool).await.expect("the audit")
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn an_archived_project_is_in_no_list_and_comes_back_as_it_was() {
    run(async {
        let world = World::start_without_worker().await;
        world.charlie().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let script = Script::new(&world, Role::Viewer).await;
        let event_id = world.receipt("evt_1").await;
        let incident = world.fail(event_id, json!({})).await.to_string();
        let id = world.project.id.to_string();
        let (project, archive) = (format!("/projects/{id}"), format!("/projects/{id}/archive"));

        let rejected = alice.submit(&project, &archive, &[("unresolved", "0")]).await;
        assert_eq!(rejected.status, 422);
        assert!(rejected.page().text().contains("Archive it with 1 unresolved incident"));
        let done = alice.submit(&project, &archive, &[("unresolved", "1")]).await;
        assert_eq!(done.location.as_deref(), Some("/projects"), "{}", done.body);
        until(&world, 401).await;

        let projects = alice.page("/projects").await;
        assert_eq!(projects.row_links("Archived projects"), std::slice::from_ref(&project));
        assert!(!projects.row_links("Projects").contains(&project));
        for path in ["/incidents?state=all", "/events", "/overview", "/go?q=CometCart"] {
            let html = alice.get(path).await.body;
            assert!(!html.contains(&id) && !html.contains(&incident), "{path} shows it: {html}");
        }
        for path in [format!("/incidents?project={id}"), format!("/incidents/{incident}")] {
            assert!(alice.get(&path).await.body.contains(&incident), "{path} stays");
        }
        assert!(alice.page(&project).await.text().contains("This project is archived since"));
        let (status, _) = script.post(&format!("/{id}/restore"), json!({})).await;
        assert_eq!(status, 403);
        let (status, listed) = script.get("").await;
        assert_eq!((status, listed["data"].as_array().map(Vec::len)), (200, Some(1)), "{listed}");
        let (_, named) = script.get(&format!("/{id}")).await;
        assert!(named["archived_at"].is_string(), "{named}");

        assert_eq!(cli(&world, &["incident", "list"]).await["data"], json!([]));
        let archived = cli(&world, &["project", "list", "--archived"]).await;
        assert_eq!(archived["data"][0]["project_id"], id.as_str());
        cli(&world, &["incident", "resolve", &incident, "--note", "refunded"]).await;

        let command = |verb: &'static str| ["project", verb, "--project", &id];
        let again = cli(&world, &[&command("archive")[..], &["--yes"]].concat()).await;
        assert_eq!(again, json!({ "project_id": id, "archived": true, "unresolved": 0 }));
        for _ in 0..2 {
            let restored = cli(&world, &command("restore")).await;
            assert_eq!(restored["archived"], false);
        }
        until(&world, 202).await;
        assert!(alice.get("/events").await.body.contains(&id));
        assert_eq!(audited(&world).await, ["operator project.archived", "cli project.restored"]);
    });
}

/// Archives a project with one incident, and restores it.
async fn confirm_by_api(world: &World, id: &str) {
    let admin = Script::new(world, Role::Admin).await;
    let (archive, restore) = (format!("/{id}/archive"), format!("/{id}/restore"));
    let (status, rejected) = admin.post(&archive, json!({})).await;
    assert_eq!(status, 422);
    assert_eq!(rejected["error"]["fields"][0]["field"], "unresolved", "{rejected}");
    let (_, archived) = admin.post(&archive, json!({ "unresolved": 1 })).await;
    assert!(archived["archived_at"].is_string(), "{archived}");
    for _ in 0..2 {
        let (status, restored) = admin.post(&restore, json!({})).await;
        assert_eq!((status, &restored["archived_at"]), (200, &Value::Null), "{restored}");
    }
}

/// How many incidents Prometheus is shown as not resolved.
async fn gauged(world: &World) -> i64 {
    let counts = store::search::incidents::count_unresolved_by_reason(&world.pool).await;
    counts.expect("counts").into_iter().map(|(_, _, unresolved)| unresolved).sum()
}

#[test]
fn command_line_and_api_confirm_the_number_of_incidents_that_are_not_resolved() {
    run(async {
        let world = World::start_without_worker().await;
        let event_id = world.receipt("evt_1").await;
        world.fail(event_id, json!({})).await;
        let id = world.project.id.to_string();
        confirm_by_api(&world, &id).await;
        assert_eq!(gauged(&world).await, 1, "it was restored");
        let archive = ["project", "archive", "--project", &id];
        let preview = cli(&world, &archive).await;
        assert_eq!(preview, json!({ "project_id": id, "archived": false, "unresolved": 1 }));
        let (code, rejected) =
            world.cli(&[&archive[..], &["--yes"]].concat()).await.expect("a command");
        assert_eq!((code, &rejected["error"]["code"]), (1, &json!("validation_error")));
        let message = rejected["error"]["message"].as_str().unwrap_or_default();
        assert!(message.ends_with("confirm with --unresolved 1"), "{message}");
        let confirmed =
            cli(&world, &[&archive[..], &["--yes", "--unresolved", "1"]].concat()).await;
        assert_eq!(confirmed["archived"], true);
        assert_eq!(gauged(&world).await, 0);
        let unknown = ["project", "restore", "--project", "prj_00000000000000000000000001"];
        let (code, missing) = world.cli(&unknown).await.expect("a command");
        assert_eq!((code, &missing["error"]["code"]), (1, &json!("not_found")));
    });
}

/// For how many seconds Prometheus is shown that destinations fail.
async fn failing(world: &World) -> Vec<i64> {
    let failing = store::gauges::list_failing_destinations(&world.pool).await.expect("a list");
    failing.into_iter().map(|one| one.seconds).collect()
}

#[test]
fn after_the_last_project_is_archived_nothing_says_that_there_is_none_yet() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let id = world.project.id.to_string();
        cli(&world, &["project", "archive", "--project", &id, "--yes"]).await;
        for path in ["/incidents", "/events", "/projects"] {
            let text = alice.page(path).await.text();
            assert!(!text.contains("project yet"), "{path}: {text}");
        }
        let text = alice.page("/projects").await.text();
        assert!(text.contains("Every project is archived"), "{text}");
    });
}

#[test]
fn a_destination_that_failed_when_its_project_was_archived_pages_nobody() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        sqlx::query(
            "UPDATE destinations SET failing_since = now() - interval '1 hour', failures = 7",
        )
        .execute(&world.pool)
        .await
        .expect("a destination that fails");
        assert!(failing(&world).await[0] >= 3_600);
        let id = world.project.id.to_string();
        cli(&world, &["project", "archive", "--project", &id, "--yes"]).await;
        assert!(failing(&world).await.is_empty());
        cli(&world, &["project", "restore", "--project", &id]).await;
        assert!(failing(&world).await[0] >= 3_600, "it fails still");
    });
}

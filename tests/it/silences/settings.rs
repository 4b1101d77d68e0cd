//! Who says what is expected, and who is shown what is silent.

use api_types::list::Listed;
use api_types::projects::ProjectResponse;
use api_types::silences::SilenceResponse;
use domain::operator::Role;
use domain::silence::ExpectedReceipts;
use e2e::console::Operator;
use e2e::{World, run};
use reqwest::Method;
use serde_json::json;
use store::projects;

use super::{PAID, all, change, expect, look, receive, silent};
use crate::automation::script::{Script, bad_fields};

async fn expected(world: &World) -> String {
    let project = projects::find_project(&world.pool, world.project.id).await.expect("a database");
    project.expect("a project").expected_receipts.to_string()
}

async fn audited(world: &World) -> Vec<(String, serde_json::Value)> {
    let sql =
        "SELECT actor, detail FROM audit_entries WHERE action = 'project.updated' ORDER BY at";
    sqlx::query_as(sql).fetch_all(&world.pool).await.expect("the audit")
}

#[test]
fn the_command_line_sets_it_and_shows_what_is_silent() {
    run(async {
        let world = World::start_without_worker().await;
        let id = world.project.id.to_string();
        receive(&world, PAID, "3 hours").await;
        let set = ["project", "expect", id.as_str(), "--receipts", "2H"];
        let (code, printed) = world.cli(&set).await.expect("a command");
        assert_eq!((code, &printed["expected_receipts"]), (0, &json!("2h")));
        look(&world).await;
        let shown =
            world.command(&["project", "show", id.as_str()]).expect("a command").output().await;
        let shown = String::from_utf8(shown.expect("output").stdout).expect("text");
        assert!(shown.contains("at least one every 2 hours"), "{shown}");
        assert!(shown.contains("No receipts since"), "{shown}");
        let bad = ["project", "expect", id.as_str(), "--receipts", "often"];
        let (code, printed) = world.cli(&bad).await.expect("a command");
        let message = printed["error"]["message"].as_str().unwrap_or_default();
        assert!(code != 0 && message.starts_with("receipts must be off, learned,"), "{printed}");
        assert_eq!(expected(&world).await, "2h");
        let entries = audited(&world).await;
        let [(actor, detail)] = &entries[..] else { panic!("one entry: {entries:?}") };
        assert!(actor.starts_with("cli:"), "{actor}");
        assert_eq!(*detail, json!({ "expected_receipts": { "from": "off", "to": "2h" } }));
    });
}

#[test]
fn a_script_sets_it_and_lists_silences() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let (project, list) =
            (format!("/{}", world.project.id), format!("/{}/silences", world.project.id));
        let none: Listed<SilenceResponse> = script.read(&list).await;
        assert_eq!(none.data, []);
        receive(&world, PAID, "3 hours").await;
        let body = Some(json!({ "expected_receipts": "1d" }));
        let (status, set) = script.call(Method::PATCH, &project, body).await;
        assert_eq!((status, &set["expected_receipts"]), (200, &json!("24h")));
        look(&world).await;
        assert_eq!(silent(&world).await, [], "not yet");
        let body = Some(json!({ "expected_receipts": "2h" }));
        assert_eq!(script.call(Method::PATCH, &project, body).await.0, 200);
        look(&world).await;
        let listed: Listed<SilenceResponse> = script.read(&list).await;
        let [one] = &listed.data[..] else { panic!("{listed:?}") };
        assert_eq!((one.expected_hours, one.ended_at, &one.event_type), (Some(2), None, &None));

        for wrong in [json!("often"), json!("0h"), json!(6), json!("31d")] {
            let body = Some(json!({ "expected_receipts": wrong }));
            let (status, error) = script.reject(Method::PATCH, &project, body).await;
            assert_eq!((status, bad_fields(&error)), (422, vec!["expected_receipts"]));
        }
        let viewer = Script::new(&world, Role::Viewer).await;
        let body = json!({ "expected_receipts": "off" });
        assert_eq!(viewer.call(Method::PATCH, &project, Some(body)).await.0, 403);
        assert_eq!(viewer.read::<Listed<SilenceResponse>>(&list).await, listed);
        for (mode, wanted) in [("live", ExpectedReceipts::Learned), ("test", ExpectedReceipts::Off)]
        {
            let made: ProjectResponse =
                script.send("", json!({ "name": "New", "mode": mode })).await;
            assert_eq!(made.expected_receipts, wanted, "{mode}");
        }
    });
}

#[test]
fn the_console_sets_it_and_shows_silences_on_overview_and_project() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}", world.project.id);
        receive(&world, PAID, "3 hours").await;
        let fields = |expected: &'static str| {
            [
                ("name", "CometCart"),
                ("timeout_minutes", "30"),
                ("retention_months", "12"),
                ("snapshot_days", "30"),
                ("expected_receipts", expected),
            ]
        };
        let wrong = alice.submit(&page, &page, &fields("often")).await;
        assert_eq!(wrong.status, 422, "{}", wrong.body);
        assert!(wrong.body.contains("Must be off, learned, or a time"), "{}", wrong.body);
        assert_eq!(alice.submit(&page, &page, &fields("2h")).await.status, 303);
        assert_eq!(expected(&world).await, "2h");
        assert_eq!(alice.submit(&page, &page, &fields("")).await.status, 303);
        assert_eq!(expected(&world).await, "2h", "an older form says nothing of it");

        for path in ["/overview", page.as_str()] {
            let shown = alice.page(path).await.text();
            assert!(!shown.contains("No receipts"), "{path}: {shown}");
        }
        look(&world).await;
        let overview = alice.page("/overview").await;
        assert!(overview.text().contains("No receipts in CometCart since"), "{}", overview.text());
        assert_eq!(overview.link("CometCart").as_deref(), Some(page.as_str()));
        let shown = alice.page(&page).await.text();
        assert!(shown.contains("No receipts since"), "{shown}");
        assert!(shown.contains("(at least one every 2 hours)"), "{shown}");
    });
}

#[test]
fn another_expectation_ends_silences_without_a_word() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let id = world.project.id.to_string();
        expect(&world, "2h").await;
        receive(&world, PAID, "3 hours").await;
        assert_eq!(look(&world).await, 1);
        let set = async |expected: &str| {
            let set = ["project", "expect", id.as_str(), "--receipts", expected];
            assert_eq!(world.cli(&set).await.expect("a command").0, 0);
        };
        set("4h").await;
        assert_eq!(look(&world).await, 0);
        assert_eq!(silent(&world).await, []);
        let ended = all(&world).await.remove(0);
        assert!(ended.ended_at.is_some() && ended.resumed_at.is_none(), "{ended:?}");
        set("1h").await;
        assert_eq!(look(&world).await, 1, "it is silent by that");
        set("off").await;
        assert_eq!(look(&world).await, 0);
        assert_eq!(silent(&world).await, []);
        change(&world, "UPDATE silences SET ended_at = NULL WHERE id = (SELECT max(id::text)::uuid FROM silences)").await;
        assert_eq!(look(&world).await, 0, "a worker of before was late");
        assert_eq!(silent(&world).await, []);
    });
}

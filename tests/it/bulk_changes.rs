//! Many incidents that are acknowledged or resolved, through each door: the console, the API and the command line.

use domain::bulk::BulkState;
use domain::ids::{BulkId, IncidentId};
use domain::incident::IncidentState;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::parse;
use e2e::{World, eventually, run};
use reqwest::Method;
use serde_json::{Value, json};
use store::bulk::find_bulk;

use crate::automation::script::{Script, bad_fields};

/// Incidents of as many customers, the oldest first.
async fn break_for(world: &World, customers: usize) -> Vec<IncidentId> {
    let mut incidents = Vec::new();
    for customer in 0..customers {
        let event = world.receipt(&format!("evt_{customer}")).await;
        incidents.push(world.fail(event, json!({ "error_code": "db_write_failed" })).await);
    }
    incidents
}

async fn over(world: &World, id: BulkId) {
    eventually("a bulk that is done", async || {
        let found = find_bulk(&world.pool, id).await.expect("a database").expect("a bulk");
        (found.state == BulkState::Done).then_some(())
    })
    .await;
}

async fn in_state(world: &World, state: IncidentState) -> i64 {
    let sql = "SELECT count(*) FROM incidents WHERE state = $1";
    let counted = sqlx::query_scalar(sql).bind(state.as_str()).fetch_one(&world.pool).await;
    counted.expect("a count")
}

/// The bulk that a page's address names.
fn named(path: &str) -> BulkId {
    path.trim_start_matches("/bulk/").parse().expect("an id")
}

#[test]
fn the_console_acknowledges_those_that_are_ticked_and_resolves_all_that_match() {
    run(async {
        let world = World::start().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let incidents = break_for(&world, 3).await;
        let [first, second, _] = [0, 1, 2].map(|at: usize| incidents[at].to_string());
        let list = "/incidents?sort=oldest";
        let pick = [
            ("filter", "sort=oldest"),
            ("which", "ticked"),
            ("incident", first.as_str()),
            ("incident", second.as_str()),
            ("action", "acknowledge"),
        ];
        let path = bob.submit(list, "/bulk", &pick).await.location.expect("its page");
        assert_eq!(bob.page(&path).await.heading(), "Acknowledge 2 incidents?");
        let start = format!("{path}/start");
        assert_eq!(bob.submit(&path, &start, &[("note", " ")]).await.status, 422);
        bob.submit(&path, &start, &[("note", "the queue is down")]).await;
        over(&world, named(&path)).await;
        assert_eq!(in_state(&world, IncidentState::Acknowledged).await, 2);
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Acknowledged: 2 incidents");
        let timeline = bob.page(&format!("/incidents/{first}")).await.text();
        assert!(timeline.contains(&named(&path).to_string()), "{timeline}");

        let pick = [("filter", "state=acknowledged"), ("which", "all"), ("action", "resolve")];
        let path = bob.submit(list, "/bulk", &pick).await.location.expect("its page");
        bob.submit(&path, &format!("{path}/start"), &[("note", "refunded")]).await;
        over(&world, named(&path)).await;
        assert_eq!(in_state(&world, IncidentState::Resolved).await, 2);
    });
}

#[test]
fn the_home_leads_everyone_to_what_runs_or_is_paused() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        break_for(&world, 2).await;
        let pick = [("filter", ""), ("which", "all"), ("action", "acknowledge")];
        let path = bob.submit("/incidents", "/bulk", &pick).await.location.expect("its page");
        let words = "Acknowledging 2 incidents";
        assert_eq!(viewer.page("/incidents").await.link(words), None, "nothing has started");
        bob.submit(&path, &format!("{path}/start"), &[("note", "the queue is down")]).await;
        assert_eq!(viewer.page("/incidents").await.link(words), Some(path.clone()));

        bob.submit(&path, &format!("{path}/pause"), &[]).await;
        let text = viewer.page("/incidents").await.text();
        assert!(text.contains("Acknowledging 2 incidents of CometCart, paused."), "{text}");
        bob.submit(&path, &format!("{path}/cancel"), &[]).await;
        assert_eq!(viewer.page("/incidents").await.link(words), None, "it is over");
    });
}

#[test]
fn one_that_is_left_out_is_said_to_be_one() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let first = format!("/incidents/{}", break_for(&world, 2).await[0]);
        bob.submit(&first, &format!("{first}/acknowledge"), &[]).await;
        let pick = [("filter", ""), ("which", "all"), ("action", "acknowledge")];
        let path = bob.submit("/incidents", "/bulk", &pick).await.location.expect("its page");
        let page = bob.page(&path).await;
        assert_eq!(page.heading(), "Acknowledge 1 incident?");
        assert!(page.text().contains("1 more is acknowledged already."), "{}", page.text());
    });
}

#[test]
fn what_was_picked_wrongly_is_said_and_freezes_nothing() {
    run(async {
        let world = World::start().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        break_for(&world, 1).await;
        let pick = [("filter", "state=open"), ("which", "ticked"), ("action", "resolve")];
        let back = bob.submit("/incidents", "/bulk", &pick).await.location.expect("a place");
        assert_eq!(back, "/incidents?state=open");
        let message = bob.page(&back).await.message().expect("a message");
        assert!(message.contains("Nothing is ticked"), "{message}");
        let none = [("filter", "q=nobody"), ("which", "all"), ("action", "resolve")];
        bob.submit("/incidents", "/bulk", &none).await;
        let message = bob.page("/incidents").await.message().expect("a message");
        assert!(message.contains("No incident matches any more"), "{message}");
        assert_eq!(bob.submit("/incidents", "/bulk", &[("action", "delete")]).await.status, 404);
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        assert!(!viewer.page("/incidents").await.html().contains("name=\"incident\""));
        let frozen: i64 = sqlx::query_scalar("SELECT count(*) FROM bulk_reprocesses")
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        assert_eq!(frozen, 0);
    });
}

#[test]
fn a_script_resolves_what_a_filter_finds_and_is_told_what_is_wrong() {
    run(async {
        let world = World::start().await;
        let script = Script::new(&world, Role::Operator).await;
        break_for(&world, 3).await;
        let path = format!("/{}/bulk-reprocesses", world.project.id);
        let filter = json!({ "reason": "failed_result", "q": "evt_1" });
        let frozen: Value =
            script.send(&path, json!({ "action": "resolve", "filter": filter })).await;
        assert_eq!((&frozen["incidents"], &frozen["action"]), (&json!(1), &json!("resolve")));
        let start = format!("{path}/{}/start", frozen["bulk_id"].as_str().expect("an id"));
        let paced = json!({ "note": "refunded", "canary": 1 });
        let (status, error) = script.reject(Method::POST, &start, Some(paced)).await;
        assert_eq!((status, bad_fields(&error)), (422, vec!["canary"]));
        let (status, running) = script.post(&start, json!({ "note": "refunded" })).await;
        assert_eq!((status, &running["canary"]), (202, &Value::Null), "{running}");
        over(&world, parse(&frozen["bulk_id"])).await;
        assert_eq!(in_state(&world, IncidentState::Resolved).await, 1);

        for (body, field) in [
            (json!({ "action": "delete" }), "action"),
            (json!({ "filter": "open" }), "filter"),
            (json!({ "filter": { "state": "opened" } }), "state"),
            (json!({ "filter": { "cause_id": "nonsense" } }), "cause_id"),
            (json!({ "filter": { "refrence": "user_1" } }), "refrence"),
            (json!({ "filter": { "q": " " } }), "q"),
            (
                json!({ "filter": {}, "incident_ids": ["inc_00000000000000000000000001"] }),
                "cause_id",
            ),
        ] {
            let (status, error) = script.reject(Method::POST, &path, Some(body.clone())).await;
            assert_eq!((status, bad_fields(&error)), (422, vec![field]), "{body}");
        }
    });
}

#[test]
fn the_command_line_shows_what_would_be_done_and_does_it_with_yes() {
    run(async {
        let world = World::start().await;
        let incidents = break_for(&world, 3).await;
        let ids: Vec<String> = incidents.iter().map(ToString::to_string).collect();
        let several = ["incident", "acknowledge", &ids[0], &ids[1], "--note", "the queue is down"];
        let (code, shown) = world.cli(&several).await.expect("a command");
        assert_eq!((code, &shown["incidents"]), (0, &json!(2)));
        assert_eq!(in_state(&world, IncidentState::Acknowledged).await, 0, "shown, not done");
        let yes = [&several[..], &["--yes"]].concat();
        let (code, done, log) = world.cli_with(&yes, &[], "").await.expect("a command");
        assert_eq!((code, &done["state"], &done["succeeded"]), (0, &json!("done"), &json!(2)));
        let id = done["bulk_id"].as_str().expect("an id");
        assert!(
            log.contains(&format!("sendpromptly bulk show {id}")),
            "whoever ends it knows: {log}"
        );
        assert_eq!(in_state(&world, IncidentState::Acknowledged).await, 2);

        let project = world.project.id.to_string();
        let all = ["incident", "resolve", "--project", &project, "--note", "refunded", "--yes"];
        let (code, done) = world.cli(&all).await.expect("a command");
        assert_eq!((code, &done["action"], &done["succeeded"]), (0, &json!("resolve"), &json!(3)));
        assert_eq!(in_state(&world, IncidentState::Resolved).await, 3);
        let unknown =
            ["incident", "resolve", &ids[0], "inc_00000000000000000000000001", "--note", "x"];
        let (code, error) = world.cli(&unknown).await.expect("a command");
        assert_eq!((code, &error["error"]["code"]), (1, &json!("not_found")), "{error}");
    });
}

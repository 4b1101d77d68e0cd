//! The Integration Test: its calls are sent verbatim from the page, and each step becomes green.

use domain::ids::IncidentId;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::html_page::HtmlPage;
use e2e::world::parse;
use e2e::{World, eventually};
use serde_json::{Value, json};

fn path(world: &World) -> String {
    format!("/projects/{}/integration-test", world.project.id)
}

/// Opens a new run; where it is.
async fn start(who: &Operator, world: &World) -> String {
    let response = who.get(&path(world)).await;
    assert_eq!(response.status, 303);
    response.location.expect("a run")
}

/// A call on the page: where it goes, its Idempotency-Key and its body.
fn call_on(page: &HtmlPage, what: &str) -> (String, String, Value) {
    let text = page.copyable(what);
    assert!(text.contains("Authorization: Bearer $SENDPROMPTLY_KEY"), "{text}");
    let between = |from: &str, to: &str| {
        let rest = text.split(from).nth(1).unwrap_or_else(|| panic!("no {from}: {text}"));
        rest.split(to).next().expect("an end").to_owned()
    };
    let body = between("-d '", "'");
    let path = format!("/api/v1/{}", between("/api/v1/", " "));
    (path, between("Idempotency-Key: ", "\""), serde_json::from_str(&body).expect("JSON"))
}

/// Sends a call verbatim from the page.
async fn send(world: &World, page: &HtmlPage, what: &str) -> Value {
    let (path, key, body) = call_on(page, what);
    let (status, response) = world.post_as(&world.key, &path, &body, &key).await;
    assert_eq!(status, 202, "{what}: {response}");
    response
}

/// Which steps are green.
fn green(page: &HtmlPage) -> Vec<bool> {
    page.steps().iter().map(|step| step.starts_with("[seen]")).collect()
}

async fn wait_until_green(who: &Operator, run: &str, wanted: usize) -> HtmlPage {
    eventually(&format!("{wanted} green steps"), async || {
        let page = who.page(run).await;
        let green = green(&page);
        (green.iter().filter(|seen| **seen).count() >= wanted).then_some(page)
    })
    .await
}

#[test]
fn a_run_keeps_its_ids_on_reload_and_a_new_one_has_others() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let run = start(&viewer, &world).await;
        let response = viewer.get(&run).await;
        let [first, second] = [response.page(), viewer.page(&run).await];
        let calls = ["the first receipt", "the success", "the second receipt", "the failure"];
        for what in calls {
            assert_eq!(call_on(&first, what), call_on(&second, what));
        }
        let body = response.body;
        assert!(body.contains("data-refresh=\"2000\"") && body.contains("data-live"), "{body}");
        let call = first.copyable("the first receipt");
        assert!(call.contains(&format!("curl -sS {}/api/v1/receipt", world.url)), "{call}");
        assert!(body.len() < 100_000, "{} bytes", body.len());

        let other = start(&viewer, &world).await;
        assert_ne!(other, run);
        let other = viewer.page(&other).await;
        assert_ne!(call_on(&other, "the first receipt"), call_on(&first, "the first receipt"));
        for malformed in ["", "x", "65f0c2a19f3b1g", "<script>"] {
            let response = viewer.get(&format!("{}?run={malformed}", path(&world))).await;
            assert_eq!(response.status, 303, "{malformed}");
        }
        let nowhere = "/projects/prj_00000000000000000000000001/integration-test";
        assert_eq!(viewer.get(nowhere).await.status, 404);
    });
}

#[test]
fn another_projects_events_turn_nothing_green() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let run = start(&viewer, &world).await;
        let page = viewer.page(&run).await;
        let (to, key, body) = call_on(&page, "the first receipt");
        let charlie = world.charlie().await;
        let (status, _) = world.post_as(&charlie, &to, &body, &key).await;
        assert_eq!(status, 202);
        assert_eq!(green(&viewer.page(&run).await), [false; 9]);
    });
}

#[test]
fn every_step_turns_green_as_its_signal_arrives_through_to_resolved() {
    e2e::run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let alice = Operator::signed_in(&world, Role::Operator).await;
        let run = start(&alice, &world).await;
        let page = alice.page(&run).await;
        assert_eq!(green(&page), [false; 9]);

        send(&world, &page, "the first receipt").await;
        send(&world, &page, "the success").await;
        let page = alice.page(&run).await;
        assert_eq!(green(&page)[..3], [true, true, false]);

        send(&world, &page, "the second receipt").await;
        let failed = send(&world, &page, "the failure").await;
        let page = wait_until_green(&alice, &run, 6).await;
        assert_eq!(green(&page), [true, true, true, true, true, true, false, false, false]);
        let incident_id: IncidentId = parse(&failed["incident"]["id"]);
        assert_eq!(page.link("Go to Reprocess"), Some(format!("/incidents/{incident_id}")));

        let replay_id = world.reprocess(incident_id).await;
        world.repair.wait_for(1).await;
        let page = wait_until_green(&alice, &run, 8).await;
        assert_eq!(green(&page).last(), Some(&false), "the callback alone repairs nothing");
        let event_id = parse(&failed["event_id"]);
        world.result(event_id, "success", json!({ "replay_id": replay_id })).await;
        let page = wait_until_green(&alice, &run, 9).await;
        assert_eq!(green(&page), [true; 9]);

        let project = alice.page(&format!("/projects/{}", world.project.id)).await.text();
        assert!(project.contains("9 of 11 set-up steps done"), "{project}");
    });
}

#[test]
fn what_stands_in_the_way_of_a_step_is_said_where_it_is() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let project = format!("/projects/{}", world.project.id);
        let form = [
            ("name", "CometCart"),
            ("timeout_minutes", "30"),
            ("retention_months", "12"),
            ("repair_url", ""),
            ("snapshot_days", "30"),
        ];
        alice.submit(&project, &project, &form).await;
        let run = start(&alice, &world).await;
        let page = alice.page(&run).await;
        let text = page.text();
        assert!(text.contains("There is no destination yet"), "{text}");
        assert!(text.contains("no repair URL"), "{text}");

        // An app without a repair endpoint still gets to the end.
        send(&world, &page, "the second receipt").await;
        send(&world, &page, "the failure").await;
        send(&world, &page, "the late success").await;
        let page = alice.page(&run).await;
        let expected = [false, false, true, true, true, false, false, false, true];
        assert_eq!(green(&page), expected);
    });
}

//! The Integration Test: its calls are sent verbatim from the page, and each step becomes green.

use domain::ids::IncidentId;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::parse;
use e2e::{World, WorldOptions, eventually};
use serde_json::{Value, json};

fn path(world: &World) -> String {
    format!("/projects/{}/integration-test", world.project.id)
}

/// Opens a new run; where it is.
async fn start(who: &Operator, world: &World) -> String {
    let answer = who.get(&path(world)).await;
    assert_eq!(answer.status, 303);
    answer.location.expect("a run")
}

fn unescaped(html: &str) -> String {
    let pairs = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    pairs.iter().fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A call on the page: where it goes, its Idempotency-Key and its body.
fn call_on(page: &str, what: &str) -> (String, String, Value) {
    let text =
        page.split(&format!("data-copy=\"{what}\" tabindex=\"0\">")).nth(1).expect("the call");
    let text = unescaped(text.split("</pre>").next().expect("its end"));
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
async fn send(world: &World, page: &str, what: &str) -> Value {
    let (path, key, body) = call_on(page, what);
    let (status, answer) = world.post_as(&world.key, &path, &body, &key).await;
    assert_eq!(status, 202, "{what}: {answer}");
    answer
}

/// Which steps are green.
fn green(page: &str) -> Vec<bool> {
    let steps = page.split("<ol class=\"steps walk\">").nth(1).expect("the steps");
    let steps = steps.split("</ol>").next().expect("their end");
    steps.split("<li").skip(1).map(|step| step.starts_with(" class=\"seen\"")).collect()
}

async fn wait_until_green(who: &Operator, run: &str, wanted: usize) -> String {
    eventually(&format!("{wanted} green steps"), async || {
        let page = who.get(run).await.body;
        let green = green(&page);
        (green.iter().filter(|seen| **seen).count() >= wanted).then_some(page)
    })
    .await
}

#[test]
fn a_run_keeps_its_ids_on_reload_and_a_new_one_has_others() {
    e2e::run(async {
        let world = World::start_with(WorldOptions::default().without_worker()).await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let run = start(&viewer, &world).await;
        let [first, second] = [viewer.get(&run).await.body, viewer.get(&run).await.body];
        let calls = ["the first receipt", "the success", "the second receipt", "the failure"];
        for what in calls {
            assert_eq!(call_on(&first, what), call_on(&second, what));
        }
        assert!(first.contains("data-refresh=\"2000\"") && first.contains("data-live"), "{first}");
        assert!(first.contains(&format!("curl -sS {}/api/v1/receipt", world.url)), "{first}");
        assert!(first.len() < 100_000, "{} bytes", first.len());

        let other = start(&viewer, &world).await;
        assert_ne!(other, run);
        let other = viewer.get(&other).await.body;
        assert_ne!(call_on(&other, "the first receipt"), call_on(&first, "the first receipt"));
        for malformed in ["", "x", "65f0c2a19f3b1g", "<script>"] {
            let answer = viewer.get(&format!("{}?run={malformed}", path(&world))).await;
            assert_eq!(answer.status, 303, "{malformed}");
        }
        let nowhere = "/projects/prj_00000000000000000000000001/integration-test";
        assert_eq!(viewer.get(nowhere).await.status, 404);
    });
}

#[test]
fn another_projects_events_turn_nothing_green() {
    e2e::run(async {
        let world = World::start_with(WorldOptions::default().without_worker()).await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let run = start(&viewer, &world).await;
        let page = viewer.get(&run).await.body;
        let (to, key, body) = call_on(&page, "the first receipt");
        let charlie = world.charlie().await;
        let (status, _) = world.post_as(&charlie, &to, &body, &key).await;
        assert_eq!(status, 202);
        assert_eq!(green(&viewer.get(&run).await.body), [false; 9]);
    });
}

#[test]
fn every_step_turns_green_as_its_signal_arrives_through_to_resolved() {
    e2e::run(async {
        let world = World::start().await;
        world.tell_bob().await;
        let alice = Operator::signed_in(&world, Role::Operator).await;
        let run = start(&alice, &world).await;
        let page = alice.get(&run).await.body;
        assert_eq!(green(&page), [false; 9]);

        send(&world, &page, "the first receipt").await;
        send(&world, &page, "the success").await;
        let page = alice.get(&run).await.body;
        assert_eq!(green(&page)[..3], [true, true, false]);

        send(&world, &page, "the second receipt").await;
        let failed = send(&world, &page, "the failure").await;
        let page = wait_until_green(&alice, &run, 6).await;
        assert_eq!(green(&page), [true, true, true, true, true, true, false, false, false]);
        let incident_id: IncidentId = parse(&failed["incident"]["id"]);
        let link = format!("href=\"/incidents/{incident_id}\">Go to Reprocess");
        assert!(page.contains(&link), "{page}");

        let replay_id = world.reprocess(incident_id).await;
        world.repair.wait_for(1).await;
        let page = wait_until_green(&alice, &run, 8).await;
        assert_eq!(green(&page).last(), Some(&false), "the callback alone repairs nothing");
        let event_id = parse(&failed["event_id"]);
        world.result(event_id, "success", json!({ "replay_id": replay_id })).await;
        let page = wait_until_green(&alice, &run, 9).await;
        assert_eq!(green(&page), [true; 9]);

        let project = alice.get(&format!("/projects/{}", world.project.id)).await.body;
        assert!(project.contains("9 of 11 set-up steps done"), "{project}");
    });
}

#[test]
fn what_stands_in_the_way_of_a_step_is_said_where_it_is() {
    e2e::run(async {
        let world = World::start_with(WorldOptions::default().without_worker()).await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let project = format!("/projects/{}", world.project.id);
        let form = [("name", "CometCart"), ("timeout_minutes", "30"), ("repair_url", "")];
        alice.submit(&project, &project, &form).await;
        let run = start(&alice, &world).await;
        let page = alice.get(&run).await.body;
        assert!(
            page.contains("There is no destination yet") && page.contains("no repair URL"),
            "{page}"
        );

        // An app without a repair endpoint still gets to the end.
        send(&world, &page, "the second receipt").await;
        send(&world, &page, "the failure").await;
        send(&world, &page, "the late success").await;
        let page = alice.get(&run).await.body;
        let expected = [false, false, true, true, true, false, false, false, true];
        assert_eq!(green(&page), expected);
    });
}

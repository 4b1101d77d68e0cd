//! Events: every one that was taken, and each one's timeline.

use domain::operator::Role;
use e2e::World;
use e2e::console::Operator;
use serde_json::json;
use store::transitions::stalled::{Stall, StallKind, note_stall};

use super::HOSTILE;
use super::broken::{assert_inert, fail, listed, take};

#[test]
fn events_are_searched_and_filtered_and_paged_without_gaps() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let empty = viewer.page("/events").await.text();
        assert!(empty.contains("No event yet"), "{empty}");

        let mut made = Vec::new();
        for number in 0..58 {
            made.insert(0, take(&world, &format!("evt_{number}"), &json!({})).await.to_string());
        }
        let (broken, incident) = fail(&world, "cs_1", &json!({})).await;
        world.result(made[0].parse().expect("an id"), "success", json!({})).await;
        made.insert(0, broken.to_string());

        let first = viewer.page("/events").await;
        let next = viewer.page(&first.link("Next page").expect("a next page")).await;
        let mut seen = listed(&first);
        seen.extend(listed(&next));
        assert_eq!(seen, made);
        assert_eq!(next.link("Next page"), None);
        let back = viewer.page(&next.link("Previous page").expect("back")).await;
        assert_eq!(listed(&back), seen[..50]);

        let broken = broken.to_string();
        for (path, expected) in [
            ("/events?state=failed", vec![&broken]),
            ("/events?state=succeeded", vec![&made[1]]),
            ("/events?state=missing", vec![]),
            ("/events?q=cs_1", vec![&broken]),
            (&format!("/events?q={incident}"), vec![&broken]),
            (&format!("/events?q={broken}"), vec![&broken]),
            ("/events?q=nothing_like_this", vec![]),
        ] {
            let page = viewer.page(path).await;
            assert_eq!(listed(&page).iter().collect::<Vec<_>>(), expected, "{path}");
        }
        let elsewhere = viewer.page("/events?q=nothing").await.link("Search the incidents");
        assert_eq!(elsewhere.as_deref(), Some("/incidents?q=nothing&state=all"));
        let link = viewer.page("/events?state=failed").await.link("Incident");
        assert_eq!(link, Some(format!("/incidents/{incident}")));
    });
}

#[test]
fn an_event_tells_its_story_and_where_temporal_has_it() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let waiting = take(&world, "evt_1", &json!({})).await;
        let path = format!("/events/{waiting}");
        let page = viewer.page(&path).await;
        assert_eq!(page.heading(), "user_456 paid for credits. No confirmation yet.");
        assert_eq!(page.badges(), ["Waiting"]);
        let text = page.text();
        assert!(text.contains("It has until [time]"), "{text}");
        insta::assert_snapshot!(page.timeline(), @"
        [good] Receipt accepted: invoice.paid, credit_grant is due
          with key “Production worker”
        ");
        let command = format!("temporal workflow show --workflow-id effect-watch/{waiting}");
        assert!(page.copyable("command").starts_with(&command), "{}", page.copyable("command"));
        assert_eq!(page.field("Customer reference"), "user_456");
        assert_eq!(page.copyable("customer reference"), "user_456");
        world.result(waiting, "success", json!({})).await;
        let page = viewer.page(&path).await;
        assert!(page.heading().ends_with("They were added."), "{}", page.heading());
        assert!(page.timeline().contains("Success reported"), "{}", page.timeline());

        let (broken, incident) = fail(&world, "evt_2", &json!({})).await;
        let link = viewer.page(&format!("/events/{broken}")).await.link("Open the incident");
        assert_eq!(link, Some(format!("/incidents/{incident}")));
        for id in ["ev_00000000000000000000000001", "nonsense"] {
            assert_eq!(viewer.get(&format!("/events/{id}")).await.status, 404, "{id}");
        }
    });
}

#[test]
fn a_watch_that_does_not_go_on_is_said_first_with_the_command_that_shows_why() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let event = take(&world, "evt_1", &json!({})).await;
        let cure = format!("temporal workflow show --workflow-id {}", engine::workflow_id(event));
        let what = "its workflow task fails again and again";
        let stall = Stall { kind: StallKind::Stuck, what, key: "run/task", cure: &cure };
        let mut tx = world.pool.begin().await.expect("a transaction");
        note_stall(&mut tx, event, stall).await.expect("an entry");
        tx.commit().await.expect("a commit");
        let late = "UPDATE payment_events SET timeout_at = now() - interval '1 minute'";
        sqlx::query(late).execute(&world.pool).await.expect("an overdue event");
        let page = viewer.page(&format!("/events/{event}")).await;
        assert_eq!(page.badges(), ["[open] Watch is stuck"]);
        let text = page.text();
        for wanted in
            ["It had until [time]", "does not go on in Temporal: the command below shows why."]
        {
            assert!(text.contains(wanted), "{wanted} is missing from {text}");
        }
        let timeline = page.timeline();
        assert!(timeline.contains(&format!("{what}. To see why: {cure}")), "{timeline}");
        assert_eq!(page.texts("code.command"), [cure]);
    });
}

#[test]
fn a_result_that_fits_several_events_says_how_to_send_it_again() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let event = take(&world, "evt_1", &json!({})).await;
        take(&world, "evt_1", &json!({"internal_reference": "user_457"})).await;
        let result = json!({
            "provider_event_id": "evt_1", "status": "failed", "error_code": "seat_limit",
        });
        let (status, response) = world.post("/api/v1/result", &result).await;
        assert_eq!(status, 422, "{response}");
        let page = viewer.page(&format!("/events/{event}")).await;
        insta::assert_snapshot!(page.timeline(), @"
        [good] Receipt accepted: invoice.paid, credit_grant is due
          with key “Production worker”
        [warn] Result not assigned: your app reported a failure (seat_limit) that fits several events. Send it again with event_id, internal_reference or effect_key.
          with key “Production worker”
        ");
        assert_eq!(page.texts("ol.line code"), ["event_id", "internal_reference", "effect_key"]);
    });
}

#[test]
fn hostile_text_is_inert_among_events() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let shop = json!({"internal_reference": HOSTILE});
        let event = take(&world, HOSTILE, &shop).await;
        let typed: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
        for path in ["/events".to_owned(), format!("/events?q={typed}"), format!("/events/{event}")]
        {
            assert_inert(&viewer.get(&path).await.body);
        }
    });
}

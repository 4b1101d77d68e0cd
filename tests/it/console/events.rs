//! Events: every one that was taken, and each one's timeline.

use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, WorldOptions};
use serde_json::json;
use store::transitions::stalled::{Stall, StallKind, note_stall};

use super::HOSTILE;
use super::broken::{assert_inert, fail, link, listed, take};

async fn world() -> World {
    World::start_with(WorldOptions::default().without_worker()).await
}

#[test]
fn events_are_searched_and_filtered_and_paged_without_gaps() {
    e2e::run(async {
        let world = world().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let empty = viewer.get("/events").await.body;
        assert!(empty.contains("No event yet"), "{empty}");

        let mut made = Vec::new();
        for number in 0..58 {
            made.insert(0, take(&world, &format!("evt_{number}"), &json!({})).await.to_string());
        }
        let (broken, incident) = fail(&world, "cs_1", &json!({})).await;
        world.result(made[0].parse().expect("an id"), "success", json!({})).await;
        made.insert(0, broken.to_string());

        let first = viewer.get("/events").await.body;
        let next = viewer.get(&link(&first, "next").expect("a next page")).await.body;
        let mut seen = listed(&first, "/events");
        seen.extend(listed(&next, "/events"));
        assert_eq!(seen, made);
        assert!(link(&next, "next").is_none());
        assert_eq!(
            listed(&viewer.get(&link(&next, "prev").expect("back")).await.body, "/events"),
            seen[..50]
        );

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
            let page = viewer.get(path).await.body;
            assert_eq!(listed(&page, "/events").iter().collect::<Vec<_>>(), expected, "{path}");
        }
        let page = viewer.get("/events?state=failed").await.body;
        assert!(page.contains(&format!("href=\"/incidents/{incident}\"")), "{page}");
    });
}

#[test]
fn an_event_tells_its_story_and_where_temporal_has_it() {
    e2e::run(async {
        let world = world().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let waiting = take(&world, "evt_1", &json!({})).await;
        let path = format!("/events/{waiting}");
        let page = viewer.get(&path).await.body;
        for said in [
            "<h1>user_456 paid for credits. No confirmation yet.</h1>",
            "<span class=\"state \">Waiting</span>",
            "It has until <time",
            "<strong>Receipt accepted</strong>",
            &format!("temporal workflow show --workflow-id effect-watch/{waiting}"),
            "data-copy=\"customer reference\">user_456</code>",
        ] {
            assert!(page.contains(said), "{said} is missing from {page}");
        }
        world.result(waiting, "success", json!({})).await;
        let page = viewer.get(&path).await.body;
        assert!(page.contains("They were added.</h1>"), "{page}");
        assert!(page.contains("<strong>Success reported</strong>"), "{page}");

        let (broken, incident) = fail(&world, "evt_2", &json!({})).await;
        let page = viewer.get(&format!("/events/{broken}")).await.body;
        let to = format!("<a class=\"btn main\" href=\"/incidents/{incident}\">");
        assert!(page.contains(&to), "{page}");
        for id in ["ev_00000000000000000000000001", "nonsense"] {
            assert_eq!(viewer.get(&format!("/events/{id}")).await.status, 404, "{id}");
        }
    });
}

#[test]
fn a_watch_that_does_not_go_on_is_said_first_with_the_command_that_shows_why() {
    e2e::run(async {
        let world = world().await;
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
        let page = viewer.get(&format!("/events/{event}")).await.body;
        for said in [
            "<span class=\"state open\">Watch is stuck</span>",
            "It had until <time",
            "does not go on in Temporal: the command below shows why.",
            &format!("{what}. To see why: <code class=\"command\">{cure}</code>"),
        ] {
            assert!(page.contains(said), "{said} is missing from {page}");
        }
    });
}

#[test]
fn a_result_that_fits_several_events_says_how_to_send_it_again() {
    e2e::run(async {
        let world = world().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let event = take(&world, "evt_1", &json!({})).await;
        take(&world, "evt_1", &json!({"internal_reference": "user_457"})).await;
        let result = json!({
            "provider_event_id": "evt_1", "status": "failed", "error_code": "seat_limit",
        });
        let (status, answer) = world.post("/api/v1/result", &result).await;
        assert_eq!(status, 422, "{answer}");
        let page = viewer.get(&format!("/events/{event}")).await.body;
        for said in [
            "<li class=\"warn\"><div><strong>Result not assigned</strong>: your app reported a failure \
             (seat_limit) that fits several events. Send it again with <code>event_id</code>",
            "<code>internal_reference</code> or <code>effect_key</code>.",
        ] {
            assert!(page.contains(said), "{said} is missing from {page}");
        }
    });
}

#[test]
fn hostile_text_is_inert_among_events() {
    e2e::run(async {
        let world = world().await;
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

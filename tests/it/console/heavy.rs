//! Pages whose texts are as long as they may be, and as many as a page shows: light on the line, and usable by everybody.

use domain::audit::Actor;
use domain::ids::{CauseId, EventId, IncidentId};
use domain::operator::Role;
use e2e::browser::{Browser, Page, PageOptions};
use e2e::{World, console, run};
use futures::future::join_all;
use serde_json::json;
use store::comments::{About, add_comment};

use super::broken::take;
use super::strict;

const EMAIL: &str = "alice@cometcart.test";

/// Letters that repeat nothing, so that nothing of them is saved.
fn letters(seed: u64, length: usize) -> String {
    let mut state = seed;
    let mut letter = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).expect("a letter"))
    };
    (0..length).map(|_| letter()).collect()
}

/// A payment with the longest texts that a receipt and a result may have.
async fn fail(world: &World, seed: u64) -> (EventId, IncidentId) {
    let longest = json!({ "internal_reference": letters(seed, 255) });
    let event = take(world, &letters(seed + 1_000, 255), &longest).await;
    let words = json!({
        "error_code": letters(seed + 2_000, 200), "error_message": letters(seed + 3_000, 2_000),
    });
    (event, world.fail(event, words).await)
}

/// Opens each of these pages as a strict visitor does.
async fn inspect_all(world: &World, paths: &[String], seen: impl AsyncFn(&Page, &str)) {
    console::add(&world.pool, EMAIL, Role::Operator).await;
    let page = Browser::start().await.page(PageOptions::default()).await;
    page.bypass_cache().await;
    page.open(&format!("{}/sign-in", world.url)).await;
    console::sign_in_on(&page, EMAIL).await;
    for path in paths {
        page.open(&format!("{}{path}", world.url)).await;
        // Before the page fetches itself again, after some seconds.
        strict::weigh(&page).await;
        strict::inspect(&page, &[&world.url]).await;
        seen(&page, path).await;
    }
}

#[test]
fn lists_of_the_longest_texts_are_light() {
    run(async {
        let world = World::start_without_worker().await;
        join_all((0..60).map(|seed| fail(&world, seed))).await;
        let paths = ["/incidents", "/incidents?state=all", "/events", "/audit"];
        let seen = async |page: &Page, path: &str| {
            let rows = page.texts("table.list tbody tr").await;
            assert!(rows.len() >= 50, "{path}: {} rows", rows.len());
        };
        inspect_all(&world, &paths.map(str::to_owned), seen).await;
    });
}

#[test]
fn what_was_talked_about_at_length_is_a_light_page_with_its_end() {
    run(async {
        let world = World::start_without_worker().await;
        let (event_id, incident_id) = fail(&world, 1).await;
        let project_id = world.project.id;
        let cause = "SELECT cause FROM incidents WHERE id = $1";
        let cause = sqlx::query_scalar(cause).bind(incident_id.as_uuid()).fetch_one(&world.pool);
        let cause_id: CauseId = cause.await.expect("a cause");
        let mut tx = world.pool.begin().await.expect("a transaction");
        for about in [
            About::Incident { project_id, event_id, incident_id },
            About::Cause { project_id, cause_id },
        ] {
            for number in 0..120 {
                let text = format!("comment-{number}. {}", letters(number, 1_980));
                let actor = Actor::Cli("bob".to_owned());
                add_comment(&mut tx, about, &actor, &text).await.expect("a comment");
            }
        }
        tx.commit().await.expect("a commit");

        let paths = [
            format!("/incidents/{incident_id}"),
            format!("/events/{event_id}"),
            format!("/incidents?cause={cause_id}"),
        ];
        let seen = async |page: &Page, path: &str| {
            let text = page.text("main").await;
            assert!(text.contains("comment-119.") && !text.contains("comment-0."), "{path}");
            assert!(text.contains("are in the audit"), "{path}: {text}");
        };
        inspect_all(&world, &paths, seen).await;
    });
}

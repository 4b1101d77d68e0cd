//! An extension that does not answer: people hear of it once, and where they look they read why.

use domain::extension::SILENT_AFTER;
use domain::ids::ExtensionId;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::extension_worker::{find_out, register, stay_silent};
use e2e::{World, run};
use serde_json::json;
use store::extensions;

async fn probe(world: &World) -> ExtensionId {
    register(world, "before_incident", "propose").await;
    let all = extensions::list_extensions(&world.pool, Some(world.project.id)).await;
    all.expect("a list").last().expect("one").id
}

/// So many events about which an extension is asked in vain.
async fn ask_in_vain(world: &World, extension: ExtensionId, name: &str, count: i32) {
    for number in 0..count {
        let event_id = world.receipt(&format!("evt_{name}_{number}")).await;
        stay_silent(world, extension, event_id).await;
    }
}

/// The notices about extensions, by state.
async fn notices(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT state FROM notices WHERE kind = 'extension_silent' ORDER BY created_at, state",
    )
    .fetch_all(&world.pool)
    .await
    .expect("a list")
}

#[test]
fn after_twenty_calls_without_an_answer_the_destinations_hear_of_it_once() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let extension = probe(&world).await;
        ask_in_vain(&world, extension, "few", SILENT_AFTER - 1).await;
        assert_eq!(notices(&world).await, [""; 0]);
        ask_in_vain(&world, extension, "last", 1).await;
        assert_eq!(notices(&world).await, ["pending"]);
        ask_in_vain(&world, extension, "more", 2).await;
        assert_eq!(world.send_notices().await, 1);
        let mail = world.mailbox.wait_for(1).await.remove(0).replace("=\r\n", "");
        let page = format!("/projects/{}/extensions/{extension}", world.project.id);
        for text in [
            "Extension credits.verify does not answer",
            "It has not answered 22 calls in a row.",
            "No worker took the task.",
            "Incidents open as they would without it.",
            &page,
        ] {
            assert!(mail.contains(text), "{text} is not in {mail}");
        }
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let shown = alice.page(&page).await.text();
        for text in
            ["Its last 22 calls were not answered.", "The project's destinations were notified."]
        {
            assert!(shown.contains(text), "{text} is not in {shown}");
        }
        let project = world.project.id.to_string();
        let doctor = ["doctor", "--project", &project, "--no-round-trip"];
        let (_, checks) = world.cli(&doctor).await.expect("a command");
        let checks = checks.to_string();
        let check = "credits.verify has not answered 22 calls in a row";
        assert!(checks.contains(check), "{check} is not in {checks}");
        assert_eq!(world.send_notices().await, 0);
        assert_eq!(notices(&world).await, ["delivered"]);
    });
}

#[test]
fn one_that_answers_again_before_people_heard_of_it_is_no_news_and_counts_from_the_start() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let extension = probe(&world).await;
        ask_in_vain(&world, extension, "first", SILENT_AFTER).await;
        let event_id = world.receipt("evt_answered").await;
        find_out(&world, extension, event_id, &json!({ "settled": null })).await;
        world.send_notices().await;
        assert_eq!(notices(&world).await, ["given_up"]);
        ask_in_vain(&world, extension, "again", SILENT_AFTER - 1).await;
        assert_eq!(notices(&world).await, ["given_up"]);
    });
}

#[test]
fn one_that_is_silent_again_is_told_of_on_the_next_day() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let extension = probe(&world).await;
        ask_in_vain(&world, extension, "first", SILENT_AFTER).await;
        assert_eq!(world.send_notices().await, 1);
        let event_id = world.receipt("evt_answered").await;
        find_out(&world, extension, event_id, &json!({ "settled": null })).await;
        ask_in_vain(&world, extension, "again", SILENT_AFTER + 1).await;
        assert_eq!(notices(&world).await, ["delivered"]);
        sqlx::query("UPDATE notices SET day = day - 1")
            .execute(&world.pool)
            .await
            .expect("a day later");
        ask_in_vain(&world, extension, "next_day", 2).await;
        assert_eq!(notices(&world).await, ["delivered", "pending"]);
    });
}

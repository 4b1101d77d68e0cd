//! The console in a real browser whose scripts are off: many incidents at once, whose turn it is, filters under a name,
//! and how people are told. Everything is pressed by what a person reads on it.

use std::time::Duration;

use domain::bulk::BulkState;
use domain::ids::{BulkId, BulkSetId};
use domain::operator::Role;
use e2e::browser::{PageOptions, assert_accessible};
use e2e::world::{BOB, parse, receipt};
use e2e::{World, console, eventually, run};
use serde_json::json;
use store::bulk::{count_items, list_set, step};

use super::broken::fail;
use super::walk::Walk;

const SOON: Duration = Duration::from_secs(30);

fn script_free() -> PageOptions {
    PageOptions::default().without_javascript()
}

/// Alice, signed in where nothing happens by itself.
async fn quiet_walk() -> Walk {
    let world = World::start_without_worker().await;
    Walk::begin_in(world, script_free()).await
}

/// Clicks, and waits for what the page then says, which a reload would take away.
async fn press(walk: &Walk, button: &str, said: &str) {
    walk.page.click(&format!("button/{button}")).await;
    walk.page.wait_for_text(said, SOON).await;
}

/// Opens what is folded away and presses a button there.
async fn press_in(walk: &Walk, summary: &str, button: &str, said: &str) {
    walk.page.click(&format!("summary/{summary}")).await;
    press(walk, button, said).await;
}

/// The id at the end of the address.
async fn named<T: std::str::FromStr>(walk: &Walk) -> T {
    let at = walk.at().await;
    let id = at.split('?').next().and_then(|path| path.rsplit('/').next());
    id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id: {at}"))
}

/// What one app is asked first, and reports as done.
async fn work_once(world: &World, id: BulkId) {
    let callback = eventually("a callback", async || {
        step(&world.pool, id).await.expect("a step");
        world.repair.received().into_iter().next()
    });
    let order = callback.await.json();
    let replay = json!({ "replay_id": order["replay_id"] });
    world.result(parse(&order["event_id"]), "success", replay).await;
    eventually("one that is over", async || {
        step(&world.pool, id).await.expect("a step");
        let counts = count_items(&world.pool, id).await.expect("a count");
        (counts.succeeded == 1).then_some(())
    })
    .await;
}

#[test]
fn incidents_are_picked_previewed_started_followed_and_steered() {
    run(async {
        let walk = Walk::begin(script_free()).await;
        for customer in 1..=4 {
            let reference = json!({ "internal_reference": format!("user_{customer}") });
            fail(&walk.world, &format!("evt_{customer}"), &reference).await;
        }
        walk.open("/incidents").await;
        press_in(&walk, "Several at once", "Reprocess…", "Nothing is ticked.").await;
        for customer in 1..=3 {
            walk.page.click(&format!("checkbox/Tick user_{customer}")).await;
        }
        press_in(&walk, "Several at once", "Reprocess…", "Reprocess 3 incidents?").await;
        assert_eq!(walk.page.count("link/reload it").await, 0, "a preview stands still");
        walk.page.fill_label("Why, for the timelines", "the disk has room again").await;
        walk.page.fill_label("First", "some").await;
        press(&walk, "Start", "Must be a whole number").await;
        walk.page.fill_label("First", "1").await;
        walk.page.fill_label("Then, a minute", "1").await;
        press(&walk, "Start", "It runs. How far it is appears below.").await;
        press(&walk, "Pause", "Paused. What had started goes on").await;
        press(&walk, "Resume", "It goes on.").await;
        walk.page.wait_for_text("0% over", SOON).await;
        assert_accessible(&walk.page).await;

        work_once(&walk.world, named(&walk).await).await;
        walk.page.click("link/reload it").await;
        walk.page.wait_for_text("33% over", SOON).await;
        press(&walk, "Cancel the rest", "Canceled. What had started goes on").await;
        walk.page.wait_for_text("Reprocess of 3 incidents", SOON).await;
        assert_eq!(walk.page.count("link/reload it").await, 0, "it is over");
    });
}

/// A payment in another project whose effect failed as those in the first.
async fn fail_elsewhere(world: &World) {
    let (_, key) = world.add_project("Rocket Shop").await;
    world.keys_are_seen().await;
    let (_, taken) = world.post_as(&key, "/api/v1/receipt", &receipt("evt_1"), "take").await;
    let failed = json!({ "event_id": taken["event_id"], "status": "failed" });
    let (status, response) = world.post_as(&key, "/api/v1/result", &failed, "fail").await;
    assert_eq!(status, 202, "{response}");
}

#[test]
fn incidents_of_two_projects_are_steered_together_and_resolved_together() {
    run(async {
        let walk = quiet_walk().await;
        fail(&walk.world, "evt_1", &json!({})).await;
        fail_elsewhere(&walk.world).await;
        let pick = async |button: &str, said: &str| {
            walk.open("/incidents").await;
            walk.page.click("summary/Several at once").await;
            walk.page.select_label("Which", "All that match, on every page").await;
            press(&walk, button, said).await;
            walk.page.fill_label("Why, for the timelines", "the disk has room again").await;
        };
        pick("Reprocess…", "Reprocess 2 incidents of 2 projects?").await;
        press(&walk, "Start", "They run. How far each project is appears below.").await;
        press(&walk, "Pause all", "Paused.").await;
        press(&walk, "Resume all", "It goes on.").await;
        walk.page.click("link/reload it").await;
        walk.page.wait_for_text("Reprocessing 2 incidents of 2 projects", SOON).await;
        press(&walk, "Cancel the rest of all", "Canceled.").await;

        pick("Resolve…", "Resolve 2 incidents of 2 projects?").await;
        press(&walk, "Resolve", "They run.").await;
        let (id, pool): (BulkSetId, _) = (named(&walk).await, &walk.world.pool);
        eventually("a set that is done", async || {
            let bulks = list_set(pool, id).await.expect("a database");
            for bulk in &bulks {
                step(pool, bulk.id).await.expect("a step");
            }
            bulks.iter().all(|bulk| bulk.state == BulkState::Done).then_some(())
        })
        .await;
        walk.page.click("link/reload it").await;
        walk.page.wait_for_text("Resolved: 2 incidents of 2 projects", SOON).await;
        walk.page.wait_for_text("100% over", SOON).await;
    });
}

/// Until when it is quiet about an incident, as it was typed.
async fn snooze_for_a_typed_time(walk: &Walk) {
    walk.page.select_label("Tell nobody again", "for a week").await;
    walk.page.fill_label("or for", "soon").await;
    press(walk, "Snooze", "The time must be").await;
    let typed = walk.page.attribute("#snooze-typed", "value").await;
    assert_eq!(typed.as_deref(), Some("soon"), "what was typed stays");
    let chosen = walk.page.attribute("#snooze-for option[selected]", "value").await;
    assert_eq!(chosen.as_deref(), Some("7d"), "and what was chosen");
    walk.page.fill_label("or for", "36h").await;
    press(walk, "Snooze", "Snoozed. You are told when it is over").await;
    let hours = "SELECT round(extract(epoch FROM until - snoozed_at) / 3600)::bigint FROM snoozes";
    let hours: i64 = sqlx::query_scalar(hours).fetch_one(&walk.world.pool).await.expect("a snooze");
    assert_eq!(hours, 36);
    press(walk, "End the snooze", "The snooze is over.").await;
}

/// Narrows the list, keeps that under a name, comes back to it and deletes it.
async fn keep_a_filter(walk: &Walk) {
    walk.open("/incidents").await;
    walk.page.click("summary/More filters").await;
    walk.page.select_label("Owner", "Nobody's").await;
    walk.page.click("button/Search").await;
    walk.page.click("link/Save this filter…").await;
    walk.page.fill_label("Name", "Free").await;
    walk.page.click("checkbox/Share it with everyone who signs in").await;
    press(walk, "Save the filter", "Saved as “Free”. Everyone who signs in sees it.").await;
    walk.open("/incidents").await;
    walk.page.click("link/Free (shared)").await;
    assert_eq!(walk.at().await, "/incidents?owner=none");
    walk.page.click("link/All saved filters").await;
    press(walk, "Delete Free", "“Free” is deleted.").await;
}

#[test]
fn an_incident_is_owned_assigned_snoozed_and_talked_about_and_a_filter_is_kept() {
    run(async {
        let walk = quiet_walk().await;
        console::add(&walk.world.pool, BOB, Role::Operator).await;
        let (_, incident) = fail(&walk.world, "evt_1", &json!({})).await;
        walk.open(&format!("/incidents/{incident}")).await;
        press(&walk, "Take it", "It is yours now.").await;
        press(&walk, "Give back", "Given back. Nobody owns it now.").await;
        walk.page.click("summary/Assign…").await;
        walk.page.select_label("To whom", BOB).await;
        press(&walk, "Assign", "It is assigned.").await;
        walk.page.wait_for_text(&format!("{BOB} sees to it."), SOON).await;
        snooze_for_a_typed_time(&walk).await;
        walk.page.fill_label("Comment", "@bob the disk was full").await;
        press(&walk, "Comment", "Your comment is there.").await;
        walk.page.wait_for_text("@bob the disk was full", SOON).await;
        walk.page.click("link/reload it").await;
        press(&walk, "Acknowledge", "Acknowledged.").await;
        keep_a_filter(&walk).await;
    });
}

#[test]
fn rules_maintenance_and_the_pause_of_retention_are_set() {
    run(async {
        let walk = quiet_walk().await;
        walk.world.alert_bob().await;
        walk.world.engine.ensure_retention_schedule(&walk.world.pool).await.expect("Temporal");
        let alerting = format!("/projects/{}/alerting", walk.world.project.id);
        walk.open(&alerting).await;
        walk.page.fill_label("Quiet hours", "22:00-07:00 Europe/Berlin").await;
        walk.page.fill_label("Remind every", "often").await;
        walk.page.click("button/Save rules").await;
        assert!(!walk.page.text("#remind_every-wrong").await.is_empty());
        let typed = walk.page.attribute("#remind_every", "value").await;
        assert_eq!(typed.as_deref(), Some("often"), "what was typed stays");
        walk.page.fill_label("Remind every", "30m").await;
        press(&walk, "Save rules", "The rules for alerts are changed.").await;

        walk.page.fill_label("For how long", "10m").await;
        walk.page.fill_label("Reason (optional)", "a deploy").await;
        press(&walk, "Start maintenance", "Maintenance has begun.").await;
        walk.open("/incidents").await;
        walk.page.click("link/CometCart").await;
        assert_eq!(walk.at().await, alerting, "the list says why nobody is told");
        let end = "End the maintenance of alice@cometcart.test";
        press(&walk, end, "The maintenance is over.").await;

        walk.open("/retention").await;
        press(&walk, "Pause", "Retention is paused: nothing leaves by itself").await;
        press(&walk, "Resume", "Retention runs every hour again.").await;
    });
}

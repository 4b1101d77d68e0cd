//! PagerDuty: what is open there is what is open here, whatever fails in between.

mod entry;
mod library;

use domain::audit::Actor;
use domain::destination::RoutingKey;
use domain::ids::EventId;
use doubles::pagerduty::{AlertState, PagerDuty};
use e2e::{World, run};
use serde_json::json;
use sqlx::AssertSqlSafe;
use store::destinations::{Destination, Target};
use store::operator_actions::OperatorAction;

const KEY: &str = "0123456789abcdef0123456789aBcDeF";

/// A service that alerts go to.
async fn service(world: &World) -> PagerDuty {
    let pagerduty = PagerDuty::start(KEY).await;
    let key = RoutingKey::parse(KEY).expect("a key");
    let target = Target::PagerDuty { endpoint: pagerduty.endpoint(), key };
    world.add_destination(&target, "127.0.0.1").await;
    pagerduty
}

async fn destination(world: &World) -> Destination {
    let all = store::destinations::list_destinations(&world.pool, Some(world.project.id)).await;
    all.expect("destinations").remove(0)
}

/// An event whose effect failed, so that an incident is open.
/// Leaves telling it to the watch.
async fn acknowledge(world: &World, event_id: EventId) {
    let (incident, actor) = (world.incident(event_id).await, Actor::Cli("bob".to_owned()));
    let action = OperatorAction { incident: &incident, actor: &actor, note: None };
    action.acknowledge(&world.pool).await.expect("an open incident");
}

/// Lets time pass for causes, and for what waits.
async fn pass(world: &World, interval: &str) {
    let sql = format!("UPDATE cause_threads SET told_at = told_at - interval '{interval}'");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&world.pool).await.expect("a database");
    world.age_alerts(interval).await;
}

fn states(pagerduty: &PagerDuty) -> Vec<AlertState> {
    pagerduty.alerts().iter().map(|alert| alert.state).collect()
}

#[test]
fn an_incident_is_triggered_acknowledged_and_resolved_under_one_key() {
    run(async {
        let world = World::start().await;
        let pagerduty = service(&world).await;
        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "failed", json!({ "error_code": "db_write_failed" })).await;
        let until = async |state| {
            let what = format!("{state:?} at PagerDuty");
            e2e::eventually(&what, async || (states(&pagerduty) == [state]).then_some(())).await;
        };
        until(AlertState::Triggered).await;
        acknowledge(&world, event_id).await;
        until(AlertState::Acknowledged).await;
        world.result(event_id, "success", json!({})).await;
        until(AlertState::Resolved).await;
        let alert = pagerduty.alerts().remove(0);
        assert!(alert.dedup_key.starts_with("inc_"), "{alert:?}");
        assert!(alert.summary.starts_with("user_456 paid for credits."), "{alert:?}");
        e2e::eventually("three messages on the timeline", async || {
            let timeline = world.timeline(event_id).await;
            let told = timeline.iter().filter(|it| *it == "alert.delivered").count();
            (told == 3).then_some(())
        })
        .await;
    });
}

#[test]
fn a_cause_is_one_alert_from_its_first_incident_to_its_last() {
    run(async {
        let world = World::start_without_worker().await;
        let pagerduty = service(&world).await;
        let mut events = Vec::new();
        for number in 0..12 {
            events.push(world.fail_and_alert(&format!("evt_{number}")).await);
        }
        world.send_waiting().await;
        assert_eq!(states(&pagerduty), [AlertState::Triggered], "one page for all of them");
        assert_eq!(pagerduty.alerts()[0].events, 2, "the first one, and that there are 12");
        for event_id in &events[..11] {
            acknowledge(&world, *event_id).await;
            world.deliver_alerts(&[*event_id]).await;
        }
        assert_eq!(states(&pagerduty), [AlertState::Triggered], "one still waits");
        acknowledge(&world, events[11]).await;
        world.deliver_alerts(&[events[11]]).await;
        assert_eq!(states(&pagerduty), [AlertState::Acknowledged]);
        for event_id in &events {
            world.succeed_and_alert(*event_id).await;
        }
        assert_eq!(states(&pagerduty), [AlertState::Acknowledged], "the end is still to be told");
        world.send_waiting().await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved]);
        assert_eq!(pagerduty.received().len(), 4);

        let back = world.fail_and_alert("evt_back").await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved, AlertState::Triggered]);
        world.succeed_and_alert(back).await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved; 2]);
        assert_eq!(pagerduty.dropped(), 0);
    });
}

#[test]
fn a_new_incident_pages_although_the_end_of_the_one_before_it_comes_late() {
    run(async {
        let world = World::start_without_worker().await;
        let pagerduty = service(&world).await;
        let first = world.fail_and_alert("evt_1").await;
        pagerduty.limit_next(1);
        world.succeed_and_alert(first).await;
        pass(&world, "1 minute").await;
        world.fail_and_alert("evt_2").await;
        world.send_waiting().await;
        let states = states(&pagerduty);
        assert_eq!(states, [AlertState::Resolved, AlertState::Triggered]);
    });
}

#[test]
fn an_incident_ends_there_also_where_it_was_opened_by_a_process_whose_clock_is_ahead() {
    run(async {
        let world = World::start_without_worker().await;
        let pagerduty = service(&world).await;
        let event_id = world.fail_and_alert("evt_1").await;
        assert_eq!(states(&pagerduty), [AlertState::Triggered]);
        // An id begins with the time at which it was drawn, by the clock of whoever drew it.
        let ahead = "UPDATE alerts SET id = overlay(id::text PLACING 'f' FROM 1)::uuid";
        sqlx::raw_sql(ahead).execute(&world.pool).await.expect("a database");
        world.succeed_and_alert(event_id).await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved]);
    });
}

/// What a worker does in a minute, after so long.
async fn wait(world: &World, interval: &str) {
    let sql = format!(
        "UPDATE cause_waits SET waiting_since = waiting_since - interval '{interval}',
             told_at = told_at - interval '{interval}'"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&world.pool).await.expect("a database");
    world.send_notices().await;
}

/// An incident that bob did not acknowledge for an hour, so that PagerDuty pages.
async fn escalated(world: &World) -> (PagerDuty, EventId) {
    world.alert_bob().await;
    let pagerduty = service(world).await;
    let step = "INSERT INTO alert_rules (project_id, escalate_after) SELECT id, 60 FROM projects;
         INSERT INTO escalation_steps SELECT project_id, 1, id FROM destinations WHERE kind = 'pagerduty'";
    sqlx::raw_sql(step).execute(&world.pool).await.expect("a step");
    let event_id = world.fail_and_alert("evt_1").await;
    wait(world, "0 minutes").await;
    assert!(states(&pagerduty).is_empty(), "bob is told first");
    wait(world, "1 hour").await;
    assert_eq!(states(&pagerduty), [AlertState::Triggered]);
    (pagerduty, event_id)
}

#[test]
fn an_escalation_pages_until_somebody_acknowledges_and_pages_again_for_what_opens_later() {
    run(async {
        let world = World::start_without_worker().await;
        let (pagerduty, first) = escalated(&world).await;
        acknowledge(&world, first).await;
        wait(&world, "0 minutes").await;
        wait(&world, "1 hour").await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved], "bob sees to it");
        let second = world.fail_and_alert("evt_2").await;
        wait(&world, "0 minutes").await;
        wait(&world, "1 hour").await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved, AlertState::Triggered]);
        for event_id in [first, second] {
            world.succeed_and_alert(event_id).await;
        }
        wait(&world, "0 minutes").await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved, AlertState::Resolved]);
    });
}

#[test]
fn an_escalation_that_is_over_while_pagerduty_is_broken_ends_there_once_it_works() {
    run(async {
        let world = World::start_without_worker().await;
        let (pagerduty, event_id) = escalated(&world).await;
        let broken =
            "UPDATE destinations SET broken_at = now(), failures = 1, retry_at = now() + interval '6 hours'
             WHERE kind = 'pagerduty'";
        sqlx::raw_sql(broken).execute(&world.pool).await.expect("a database");
        world.succeed_and_alert(event_id).await;
        wait(&world, "0 minutes").await;
        assert_eq!(states(&pagerduty), [AlertState::Triggered], "it is left alone");
        let works = "UPDATE destinations SET broken_at = NULL, failures = 0, retry_at = NULL";
        sqlx::raw_sql(works).execute(&world.pool).await.expect("a database");
        wait(&world, "0 minutes").await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved]);
    });
}

#[test]
fn an_escalation_that_is_turned_off_ends_what_it_pages() {
    run(async {
        let world = World::start_without_worker().await;
        let (pagerduty, _) = escalated(&world).await;
        let id = world.project.id.to_string();
        let off = ["alerting", "set", "--project", &id, "--escalate-after", "off"];
        assert_eq!(world.cli(&off).await.expect("a command").0, 0);
        world.send_notices().await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved]);
    });
}

#[test]
fn too_many_events_wait_for_half_a_minute_and_none_is_lost() {
    run(async {
        let world = World::start_without_worker().await;
        let pagerduty = service(&world).await;
        pagerduty.limit_next(1);
        let event_id = world.fail_and_alert("evt_1").await;
        let failing = destination(&world).await;
        assert_eq!(failing.last_failure.as_deref(), Some("429 Request Limit Exceeded"));
        let left = failing.retry_at.expect("a pause") - time::OffsetDateTime::now_utc();
        assert!(left > time::Duration::seconds(20), "{left}");
        world.send_waiting().await;
        assert_eq!(pagerduty.received().len(), 1, "it is left alone");
        pass(&world, "31 seconds").await;
        world.send_waiting().await;
        assert_eq!(states(&pagerduty), [AlertState::Triggered]);
        assert!(destination(&world).await.failing_since.is_none());
        assert!(world.timeline(event_id).await.contains(&"alert.delivered".to_owned()));
    });
}

#[test]
fn a_worker_that_dies_after_it_sent_pages_once() {
    run(async {
        let world = World::start_without_worker().await;
        let pagerduty = service(&world).await;
        let event_id = world.fail_and_alert("evt_1").await;
        // Nothing was noted when it died.
        let again = "UPDATE alerts SET state = 'pending', finished_at = NULL";
        sqlx::raw_sql(again).execute(&world.pool).await.expect("a database");
        pass(&world, "11 seconds").await;
        world.send_waiting().await;
        assert_eq!(pagerduty.received().len(), 2);
        assert_eq!(states(&pagerduty), [AlertState::Triggered]);
        world.succeed_and_alert(event_id).await;
        assert_eq!(states(&pagerduty), [AlertState::Resolved]);
    });
}

#[test]
fn a_key_that_nobody_has_breaks_the_destination_and_others_hear_of_it() {
    run(async {
        let world = World::start_without_worker().await;
        let pagerduty = service(&world).await;
        world.alert_bob().await;
        pagerduty.remove_integration();
        world.fail_and_alert("evt_1").await;
        pass(&world, "11 minutes").await;
        world.send_waiting().await;
        assert!(destination(&world).await.broken_at.is_some());
        world.send_waiting().await;
        let mails = world.mailbox.mails().join("\n").replace("=\r\n", "");
        assert!(
            mails.contains("Copy the key of the service's Events API V2 integration"),
            "{mails}"
        );
        assert!(!mails.contains(KEY), "{mails}");
    });
}

//! Buttons of a message about a cause: for all of its incidents, once, in bounded transactions, and of its project alone.

use domain::bulk::BulkState;
use domain::ids::CauseId;
use domain::incident::IncidentState;
use domain::operator::Role;
use doubles::slack::{Press, sign};
use e2e::world::receipt;

use super::buttons::{BOB, EMAIL, answer, count, cut_off, hire, now, press, send};
use super::*;

/// A cause of ten incidents and the one message that tells it.
async fn tell_cause(world: &World) -> (Slack, Vec<EventId>) {
    let slack = slack(world).await;
    hire(world, EMAIL, Role::Operator, BOB).await;
    let mut events = Vec::new();
    for number in 0..10 {
        events.push(fail(world, &format!("evt_{number}")).await);
    }
    look(world).await;
    (slack, events)
}

async fn cause_of(world: &World, event_id: EventId) -> CauseId {
    world.incident(event_id).await.cause_id.expect("a cause")
}

/// Each step of the bulk that runs, as its workflow asks for them.
async fn finish_bulk(world: &World) {
    let bulks = store::bulk::list_bulks(&world.pool, world.project.id).await.expect("bulks");
    let [running] = &bulks[..] else { panic!("not one bulk: {bulks:?}") };
    assert_eq!((running.state, running.items), (BulkState::Running, 10));
    assert_eq!(running.requested_by, format!("operator:{EMAIL}"));
    for _ in 0..2 {
        store::bulk::step(&world.pool, running.id).await.expect("a step").expect("a bulk");
    }
    let ended = store::bulk::find_bulk(&world.pool, running.id).await.expect("a bulk");
    assert_eq!(ended.expect("a bulk").state, BulkState::Done);
}

/// What the person is told by the answers to a press that came twice, in any order.
async fn assert_told(slack: &Slack, pressed: &Press, texts: [&str; 2]) -> String {
    let said = [answer(slack, pressed, 0).await, answer(slack, pressed, 1).await];
    for text in texts {
        assert!(said.iter().any(|told| told.starts_with(text)), "{text}: {said:?}");
    }
    said.concat()
}

#[test]
fn all_of_a_cause_are_acknowledged_by_one_press_that_may_be_cut_off_and_come_again() {
    run(async {
        let world = World::start_without_worker().await;
        let (slack, events) = tell_cause(&world).await;
        let pressed = slack.press(&slack.messages()[0], "acknowledge_all", BOB, now());
        let mut blocking = world.pool.begin().await.expect("a transaction");
        sqlx::raw_sql("LOCK TABLE bulk_reprocess_items IN EXCLUSIVE MODE")
            .execute(&mut *blocking)
            .await
            .expect("a lock");
        // It has kept the press and its bulk by then, and freezes the incidents.
        cut_off(&world, &pressed).await;
        blocking.rollback().await.expect("an end");
        assert_eq!(count(&world, "slack_presses").await, 0);
        assert_eq!(count(&world, "bulk_reprocesses").await, 0);

        let (one, two) = tokio::join!(send(&world, &pressed), send(&world, &pressed));
        assert_eq!([one, two], [200; 2]);
        let begun = "Acknowledging 10 incidents, as bob@cometcart.test.";
        let again = "Acknowledging them, as bob@cometcart.test.";
        let told = assert_told(&slack, &pressed, [begun, again]).await;
        assert!(told.contains(&format!("How far it is: {}/bulk/blk_", world.url)), "{told}");
        finish_bulk(&world).await;
        for event_id in &events {
            assert_eq!(world.incident(*event_id).await.state, IncidentState::Acknowledged);
            deliver_all(&world, *event_id).await;
        }
        assert!(heading(&slack.messages()[1]).starts_with("No incident of this cause waits"));
        let entries = store::timeline::list_for_event(&world.pool, events[9]).await;
        let entries = entries.expect("a timeline");
        let entry = entries.iter().find(|entry| entry.action == "incident.acknowledged");
        let entry = entry.expect("an entry");
        assert_eq!(entry.actor, "operator:bob@cometcart.test");
        assert_eq!(entry.detail["note"], "through Slack, by U0123ABCDEF");
        let late = press(&world, &slack, "acknowledge_all", BOB, now() + 1).await;
        assert!(late.contains("no incident of this cause is open any more"), "{late}");
    });
}

/// The link asks for nothing, and a cause of another project is not reached.
async fn reach_nothing(world: &World, slack: &Slack, event_id: EventId) {
    let (message, at) = (slack.messages().remove(0), now());
    let opened = slack.press(&message, "open_page", "U9999999999", at);
    assert_eq!(send(world, &opened).await, 200);

    let charlie = world.charlie().await;
    let (_, taken) = world.post_as(&charlie, "/api/v1/receipt", &receipt("evt_x"), "k1").await;
    let failed = json!({ "event_id": taken["event_id"], "status": "failed" });
    let (_, taken) = world.post_as(&charlie, "/api/v1/result", &failed, "k2").await;
    let theirs =
        store::incidents::find_incident(&world.pool, e2e::world::parse(&taken["incident"]["id"]));
    let theirs = theirs.await.expect("a database").expect("an incident");
    let ours = cause_of(world, event_id).await.to_string();
    let foreign = theirs.cause_id.expect("a cause").to_string();
    for button in ["acknowledge_all", "snooze_all"] {
        let good = slack.press(&message, button, BOB, at);
        let bad = sign(good.body.replace(&ours, &foreign), at);
        assert_eq!(send(world, &bad).await, 200);
        let said = answer(slack, &bad, 0).await;
        assert!(said.starts_with("Nothing was changed: no incident of this cause"), "{said}");
    }
    for table in ["slack_presses", "bulk_reprocesses", "snoozes"] {
        assert_eq!(count(world, table).await, 0, "{table}");
    }
    assert_eq!(slack.answers(&opened), Vec::<Value>::new(), "a link changes and says nothing");
}

#[test]
fn a_cause_is_snoozed_for_an_hour_but_what_is_resolved_snoozed_for_longer_or_of_another_project() {
    run(async {
        let world = World::start_without_worker().await;
        let (slack, events) = tell_cause(&world).await;
        reach_nothing(&world, &slack, events[3]).await;
        succeed(&world, events[0]).await;
        let snoozed = world.incident(events[1]).await.id;
        for (id, lasts) in [(snoozed, "4h"), (world.incident(events[2]).await.id, "5m")] {
            let (code, said) = world
                .cli(&["incident", "snooze", &id.to_string(), "--for", lasts])
                .await
                .expect("it");
            assert_eq!(code, 0, "{said}");
        }
        let pressed = slack.press(&slack.messages()[0], "snooze_all", BOB, now());
        assert_eq!([send(&world, &pressed).await, send(&world, &pressed).await], [200; 2]);
        let once = "Snoozed 8 incidents for an hour, as bob@cometcart.test.";
        assert_told(&slack, &pressed, [once, "Snoozed them for an hour"]).await;
        let hour = "snoozes WHERE ended_at IS NULL AND until BETWEEN now() + interval '50 minutes' AND now() + interval '61 minutes'";
        assert_eq!(count(&world, hour).await, 8);
        assert_eq!(count(&world, "snoozes WHERE ended_at IS NULL").await, 9, "and the longer one");
        let noted = "audit_entries WHERE action = 'incident.snoozed' AND actor = 'operator:bob@cometcart.test'";
        assert_eq!(count(&world, noted).await, 8);
        assert_eq!(world.incident(events[3]).await.state, IncidentState::Open);
    });
}

#[test]
fn all_of_a_cause_are_told_as_acknowledged_again_after_a_reprocess_that_failed() {
    run(async {
        let world = World::start_without_worker().await;
        let (slack, events) = tell_cause(&world).await;
        for event_id in &events {
            acknowledge(&world, *event_id).await;
        }
        let replay_id = world.reprocess(world.incident(events[3]).await.id).await;
        let failed = json!({ "replay_id": replay_id, "error_code": "still" });
        world.result(events[3], "failed", failed).await;
        deliver_all(&world, events[3]).await;
        assert_eq!(slack.messages().len(), 2, "the next message about the cause tells it");
        acknowledge(&world, events[3]).await;
        let told = slack.messages();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(heading(&told[2]).starts_with("No incident of this cause waits"));
    });
}

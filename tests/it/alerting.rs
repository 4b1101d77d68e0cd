//! When telling waits: maintenance and quiet hours, and the one digest at their end.

mod crashes;
mod reminders;
mod settings;
mod snoozes;

use domain::signature::SigningSecret;
use e2e::{Receiver, World, run};
use serde_json::{Value, json};
use store::destinations::Target;

use crate::causes_told::{
    CODE, alerts, change, fail, fail_many, flat, header, pass, states, totals,
};

/// A maintenance that lasts.
async fn start(world: &World) {
    let id = world.project.id.to_string();
    let start = ["maintenance", "start", "--project", &id, "--for", "10m", "--reason", "deploy 42"];
    let (code, printed) = world.cli(&start).await.expect("a command");
    assert_eq!(code, 0, "{printed}");
}

async fn end(world: &World) {
    let id = world.project.id.to_string();
    let (code, printed) =
        world.cli(&["maintenance", "end", "--project", &id]).await.expect("a command");
    assert_eq!((code, printed["data"].as_array().map(Vec::len)), (0, Some(1)), "{printed}");
}

/// What customers paid for their incidents, each with an alert more for the destination than it has.
const PAID: &str = "
    UPDATE incidents SET amount_value = 9800, amount_currency = 'USD';
    INSERT INTO alerts SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'kind', 'reprocess_failed',
        'replay_id', gen_random_uuid()))).* FROM alerts a";

/// Quiet hours in which it is now, or is not.
async fn be_quiet(world: &World, quiet: bool) {
    let (from, to) = if quiet { ("1 hour", "1 hour") } else { ("5 hours", "-4 hours") };
    let sql = format!(
        "INSERT INTO alert_rules (project_id, quiet_hours)
         SELECT id, to_char((now() - interval '{from}') AT TIME ZONE 'Asia/Tokyo', 'HH24:MI') || '-'
             || to_char((now() + interval '{to}') AT TIME ZONE 'Asia/Tokyo', 'HH24:MI') || ' Asia/Tokyo' FROM projects
         ON CONFLICT (project_id) DO UPDATE SET quiet_hours = excluded.quiet_hours"
    );
    change(world, &sql).await;
}

async fn hook(world: &World) -> Receiver {
    let hook = Receiver::start().await.expect("a receiver");
    let secrets = vec![SigningSecret::from_bytes([7; 32])];
    let target = Target::Webhook { url: hook.url().to_owned(), secrets };
    world.add_destination(&target, "127.0.0.1").await;
    hook
}

#[test]
fn a_maintenance_is_told_in_one_digest_of_what_opened_what_healed_and_what_is_left() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        start(&world).await;
        let events = fail_many(&world, 0..12).await;
        let other = fail(&world, "evt_other", "card_error").await;
        for event_id in &events[..4] {
            world.succeed_and_alert(*event_id).await;
        }
        world.send_waiting().await;
        pass(&world, "16 minutes").await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 0, "telling waits");
        assert_eq!(totals(&world).await, ["folded 17"]);
        let timeline = world.timeline(other).await;
        assert_eq!(timeline.last().map(String::as_str), Some("alert.held"), "{timeline:?}");

        end(&world).await;
        tokio::join!(world.send_waiting(), world.send_waiting());
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 1, "one digest");
        let subject = header(&mails[0], "Subject");
        assert!(subject.ends_with("After maintenance: 13 opened, 4 resolved, 9 left"), "{subject}");
        let text = flat(&mails[0]);
        assert!(text.contains("(deploy 42)"), "{text}");
        assert!(text.contains(&format!("{CODE} on invoice.paid: 12, 8 left")), "{text}");
        assert_eq!(totals(&world).await, ["told 17"]);
        let alert = alerts(&world, other).await.remove(0);
        let digest = alert.told_by.expect("a digest").to_string();
        assert!(header(&mails[0], "Message-ID").contains(&digest), "{}", mails[0]);
        let timeline = world.timeline(other).await;
        assert!(timeline.ends_with(&["alert.held".into(), "alert.told".into()]), "{timeline:?}");
    });
}

#[test]
fn after_the_digest_a_cause_goes_on_as_ever() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let mut events = fail_many(&world, 0..2).await;
        start(&world).await;
        events.extend(fail_many(&world, 2..12).await);
        end(&world).await;
        world.send_waiting().await;
        pass(&world, "15 minutes").await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 2, "the first alert, and the digest");
        for event_id in &events {
            world.succeed_and_alert(*event_id).await;
        }
        world.send_waiting().await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 3);
        let subject = header(&mails[2], "Subject");
        assert!(subject.contains("All 12 incidents"), "{subject}");
        assert_eq!(totals(&world).await, ["delivered 1", "told 23"]);
    });
}

#[test]
fn what_opened_and_healed_in_quiet_hours_asks_for_nothing_in_the_morning() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        be_quiet(&world, true).await;
        let event_id = fail(&world, "evt_1", CODE).await;
        world.succeed_and_alert(event_id).await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 0);
        be_quiet(&world, false).await;
        world.send_waiting().await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 1);
        let text = flat(&mails[0]);
        assert!(text.contains("Nothing of it is left to do."), "{text}");
        let both = ["incident_opened told", "incident_resolved told"];
        assert_eq!(states(&world, event_id).await, both);
        // The next one is told at once.
        fail(&world, "evt_2", CODE).await;
        assert_eq!(world.mailbox.mails().len(), 2);
    });
}

#[test]
fn what_heals_around_the_end_of_a_maintenance_is_told_though_its_cause_began_again() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        start(&world).await;
        let first = fail(&world, "evt_1", CODE).await;
        // Its watch has not come to its alert yet.
        world.result(first, "success", json!({})).await;
        let second = fail(&world, "evt_2", CODE).await;
        end(&world).await;
        world.send_waiting().await;
        world.deliver_alerts(&[first]).await;
        assert_eq!(states(&world, first).await[1], "incident_resolved folded");
        world.succeed_and_alert(second).await;
        world.send_waiting().await;
        world.send_waiting().await;
        assert_eq!(states(&world, first).await[1], "incident_resolved told");
        let mails = world.mailbox.mails();
        let subject = header(mails.last().expect("a mail"), "Subject");
        assert!(mails.len() == 3 && subject.contains("All 2 incidents"), "{subject}: {mails:?}");
    });
}

#[test]
fn a_destination_that_gets_each_incident_gets_them_when_telling_goes_on() {
    run(async {
        let world = World::start_without_worker().await;
        let hook = hook(&world).await;
        start(&world).await;
        let events = fail_many(&world, 0..3).await;
        world.succeed_and_alert(events[0]).await;
        world.send_waiting().await;
        assert_eq!(hook.received().len(), 0);
        change(&world, "UPDATE alerts SET created_at = created_at - interval '2 days'").await;
        end(&world).await;
        world.send_waiting().await;
        let kinds: Vec<Value> =
            hook.received().iter().map(|it| it.json()["type"].clone()).collect();
        assert_eq!(kinds.len(), 3, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == json!("incident.opened")).count(), 2);
        assert_eq!(totals(&world).await, ["delivered 3", "superseded 1"]);
    });
}

#[test]
fn a_webhook_that_is_told_of_causes_gets_the_digest_with_its_facts() {
    run(async {
        let world = World::start_without_worker().await;
        let hook = hook(&world).await;
        change(&world, "UPDATE destinations SET every_incident = false").await;
        start(&world).await;
        let event_id = fail(&world, "evt_1", CODE).await;
        change(&world, PAID).await;
        end(&world).await;
        world.send_waiting().await;
        let body = hook.received().remove(0).json();
        assert_eq!(body["type"], "alerts.digest");
        let data = &body["data"];
        assert_eq!((&data["held_by"], &data["opened"]), (&json!("maintenance"), &json!(1)));
        assert_eq!((&data["left"], &data["resolved"]), (&json!(1), &json!(0)), "{data}");
        assert_eq!(data["incidents"][0]["event_id"], json!(event_id.to_string()));
        assert_eq!(data["at_risk"], json!([{ "value": 9800, "currency": "USD" }]), "{data}");
    });
}

/// Writes a message that is about no incident.
async fn tell_that_receipts_come(world: &World) {
    let resumed = "INSERT INTO silences (id, project_id, since, expected_hours, ended_at, resumed_at)
             SELECT gen_random_uuid(), id, now() - interval '3 hours', 1, now(), now() FROM projects;
         INSERT INTO notices (destination_id, kind, day, project_id, about_id, since, until)
             SELECT d.id, 'receipts_resumed', current_date, d.project_id, s.id, now(), now() FROM destinations d, silences s";
    change(world, resumed).await;
}

#[test]
fn other_messages_wait_too_and_without_an_incident_there_is_no_digest() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        start(&world).await;
        tell_that_receipts_come(&world).await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 0);
        end(&world).await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 1);
        assert!(header(&mails[0], "Subject").ends_with("Receipts come again"), "{}", mails[0]);
    });
}

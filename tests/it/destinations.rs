//! Destinations that fail, break and work again: one rule for mails and chats, and nothing stale.

mod claims;
mod failing;

use std::time::Duration;

use activities::alerts::deliver;
use activities::test_message::send_test_message;
use domain::audit::Actor;
use domain::ids::{DestinationId, EventId};
use domain::incident::IncidentState;
use e2e::{World, run};
use serde_json::json;
use store::destinations::Destination;
use store::incidents::Incident;
use store::notices::enqueue_broken;
use store::operator_actions::OperatorAction;

const UNKNOWN: &str = "550 5.1.1 <bob@cometcart.test>: Recipient address rejected: User unknown";

async fn destinations(world: &World) -> Vec<Destination> {
    let project_id = Some(world.project.id);
    store::destinations::list_destinations(&world.pool, project_id).await.expect("destinations")
}

/// An event whose effect failed, so that an incident is open, of a cause of its own.
async fn failed(world: &World, provider_event_id: &str) -> EventId {
    let event_id = world.receipt(provider_event_id).await;
    world.result(event_id, "failed", json!({"error_code": provider_event_id})).await;
    event_id
}

async fn states(world: &World) -> Vec<String> {
    let states = "SELECT kind || ' ' || state FROM alerts ORDER BY id";
    sqlx::query_scalar(states).fetch_all(&world.pool).await.expect("alerts")
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let found = mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {mail}"))
}

#[test]
fn a_stray_404_silences_nobody_and_every_incident_is_told() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[404]);
        for id in ["evt_1", "evt_2", "evt_3"] {
            let event_id = failed(&world, id).await;
            world.deliver_alerts(&[event_id]).await;
        }
        assert_eq!(slack.received().len(), 1, "one asks, the others wait");
        assert_eq!(states(&world).await, ["incident_opened pending"; 3]);
        world.age_alerts("20 seconds").await;
        assert_eq!(world.send_waiting().await, [], "it is left alone for half a minute");
        world.age_alerts("20 seconds").await;
        assert_eq!(world.send_waiting().await.len(), 1);
        assert_eq!(slack.received().len(), 4);
        assert_eq!(states(&world).await, ["incident_opened delivered"; 3]);
        assert!(destinations(&world).await[0].broken_at.is_none());
    });
}

#[test]
fn a_mailbox_that_does_not_exist_is_marked_after_two_attempts_and_others_are_told() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        world.mailbox.respond_to_recipients_with(&[UNKNOWN, UNKNOWN]);
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        assert_eq!(slack.received().len(), 1, "who is there is told at once");
        world.age_alerts("9 minutes 30 seconds").await;
        assert_eq!(world.send_waiting().await, [], "the confirming test comes after ten minutes");
        world.age_alerts("31 seconds").await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.recipients(), 2);
        assert!(destinations(&world).await[0].broken_at.is_some());
        let timeline = world.timeline(event_id).await;
        assert!(timeline.contains(&"destination.broken".to_owned()), "{timeline:?}");

        assert_eq!(world.send_notices().await, 1);
        let text = slack.wait_for(2).await[1].json().to_string();
        assert!(text.contains("Alerts no longer reach bob@cometcart.test"), "{text}");
        assert!(text.contains("User unknown") && text.contains("/destinations|"), "{text}");

        let second = failed(&world, "evt_2").await;
        world.deliver_alerts(&[second]).await;
        world.age_alerts("1 hour").await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.recipients(), 2, "what is broken is left alone");
        assert_eq!(states(&world).await.iter().filter(|one| one.ends_with("pending")).count(), 2);
    });
}

#[test]
fn what_waits_for_a_broken_destination_goes_out_once_a_test_message_does() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[404, 404]);
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        world.age_alerts("11 minutes").await;
        world.send_waiting().await;
        let broken = destinations(&world).await.remove(0);
        assert!(broken.broken_at.is_some(), "{broken:?}");
        let tested = send_test_message(&world.deps(), broken.id, &Actor::System).await;
        assert!(tested.expect("a database").expect("a destination").outcome.is_ok());
        assert_eq!(world.send_waiting().await, [broken.id]);
        assert_eq!(states(&world).await, ["incident_opened delivered"]);
        assert!(destinations(&world).await[0].broken_at.is_none());
        // No one is notified of what works again.
        world.alert_bob().await;
        assert_eq!(world.send_notices().await, 0);
    });
}

#[test]
fn nothing_stale_is_told_after_the_resolution() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[503, 503]);
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        world.result(event_id, "success", json!({})).await;
        world.deliver_alerts(&[event_id]).await;
        assert_eq!(slack.received().len(), 1, "it is left alone");
        for _ in 0..2 {
            world.age_alerts("61 seconds").await;
            world.send_waiting().await;
        }
        let messages: Vec<_> =
            slack.received().iter().map(|one| one.json()["text"].to_string()).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[2].contains("after all") && messages[1] == messages[2], "{messages:?}");
        assert_eq!(
            states(&world).await,
            ["incident_opened superseded", "incident_resolved delivered"]
        );
        let timeline = world.timeline(event_id).await;
        assert!(timeline.contains(&"alert.superseded".to_owned()), "{timeline:?}");
    });
}

#[test]
fn pauses_grow_to_half_an_hour_and_a_destination_may_ask_for_more() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[500; 9]);
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let left = "SELECT ceil(extract(epoch FROM retry_at - now()))::int FROM destinations";
            let left: i32 = sqlx::query_scalar(left).fetch_one(&world.pool).await.expect("one");
            pauses.push(((left + 5) / 30) * 30);
            world.age_alerts(&format!("{} seconds", left + 1)).await;
            world.send_waiting().await;
        }
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1800, 1800]);
    });
}

#[test]
fn a_message_that_is_never_taken_keeps_no_other_from_going_out() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let spam = "550 5.7.1 rejected as spam";
        world.mailbox.respond_to_recipients_with(&[spam]);
        let first = failed(&world, "evt_1").await;
        world.deliver_alerts(&[first]).await;
        let second = failed(&world, "evt_2").await;
        world.deliver_alerts(&[second]).await;
        assert_eq!(world.mailbox.mails().len(), 0, "the destination is left alone");
        world.age_alerts("31 seconds").await;
        world.mailbox.respond_to_recipients_with(&["250 ok", spam]);
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert!(mails.len() == 1 && mails[0].contains("evt_2"), "{mails:?}");
        assert_eq!(states(&world).await, ["incident_opened pending", "incident_opened delivered"]);
        // Too old to be sent, it is given up although others had fewer attempts.
        world.age_alerts("24 hours 1 second").await;
        let third = failed(&world, "evt_3").await;
        world.age_alerts("11 seconds").await;
        sqlx::query("UPDATE destinations SET retry_at = now() + interval '1 hour'")
            .execute(&world.pool)
            .await
            .expect("left alone");
        world.send_waiting().await;
        let last =
            ["incident_opened given_up", "incident_opened delivered", "incident_opened pending"];
        assert_eq!(states(&world).await, last, "{third}");
    });
}

#[test]
fn a_slack_url_that_may_not_be_reached_waits_until_it_may() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        let event_id = failed(&world, "evt_1").await;
        let mut deps = world.deps();
        deps.allow = domain::repair_url::AllowedNetworks::none();
        for id in store::alerts::list_pending(&world.pool, event_id).await.expect("a list") {
            deliver(&deps, id).await.expect("a database");
        }
        let incident = world.incident(event_id).await.id;
        let alerts = store::alerts::list_for_incident(&world.pool, incident).await.expect("alerts");
        let text = alerts[0].last_answer.as_deref().expect("why");
        assert!(text.contains("SENDPROMPTLY_CALLBACK_ALLOW"), "{text}");
        assert_eq!(states(&world).await, ["incident_opened pending"]);
        world.age_alerts("31 seconds").await;
        world.send_waiting().await;
        assert_eq!(slack.received().len(), 1);
    });
}

#[test]
fn alerts_that_nobody_took_for_a_day_are_given_up_and_say_so() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[500]);
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        world.age_alerts("24 hours 1 second").await;
        world.send_waiting().await;
        assert_eq!(slack.received().len(), 1);
        assert_eq!(states(&world).await, ["incident_opened given_up"]);
        assert!(world.timeline(event_id).await.contains(&"alert.given_up".to_owned()));
    });
}

/// Marks a destination as broken, as its second response that the recipient does not exist does.
async fn break_destination(world: &World, id: DestinationId) {
    let sql = "UPDATE destinations SET broken_at = now(), retry_at = now() + interval '6 hours' WHERE id = $1";
    sqlx::query(sql).bind(id.as_uuid()).execute(&world.pool).await.expect("a broken one");
    enqueue_broken(&world.pool, world.project.id, id).await.expect("a notice");
}

#[test]
fn what_waits_for_a_destination_goes_out_after_the_clock_was_set_back() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        world.mailbox.respond_to_recipients_with(&["451 4.3.0 later"]);
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        assert_eq!((world.mailbox.mails().len(), slack.received().len()), (0, 1));
        // What was written three hours ago lies as far ahead, and so does the claim of a worker that died.
        world.age_alerts("-3 hours").await;
        let died =
            "UPDATE alerts SET leased_until = now() + interval '3 hours' WHERE state = 'pending'";
        sqlx::query(died).execute(&world.pool).await.expect("a claim");
        store::set_back::end_holds(&world.pool).await.expect("a database");
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 1);

        let bob = destinations(&world).await[0].id;
        break_destination(&world, bob).await;
        let notice = "UPDATE notices SET due_at = now() + interval '3 hours'";
        sqlx::query(notice).execute(&world.pool).await.expect("a notice");
        store::set_back::end_holds(&world.pool).await.expect("a database");
        world.send_waiting().await;
        assert_eq!(slack.received().len(), 2, "it is told that bob's is broken");
    });
}

#[test]
fn a_notice_obeys_the_back_off_of_its_destination_and_counts_in_it() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[503, 503]);
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        assert_eq!((world.mailbox.mails().len(), slack.received().len()), (1, 1));
        let bob = destinations(&world).await[0].id;
        break_destination(&world, bob).await;
        assert_eq!(world.send_notices().await, 0, "it is left alone, whatever there is to tell");
        assert_eq!(slack.received().len(), 1);
        world.age_alerts("31 seconds").await;
        // One of the two asks, and is not taken: that is the second failure in a row.
        world.send_waiting().await;
        assert_eq!(slack.received().len(), 2);
        let failures = "SELECT failures FROM destinations WHERE kind = 'slack'";
        let failures: i32 = sqlx::query_scalar(failures).fetch_one(&world.pool).await.expect("one");
        assert_eq!(failures, 2);
        world.age_alerts("31 seconds").await;
        assert_eq!(world.send_waiting().await, [], "the pause has doubled for both");
        world.age_alerts("31 seconds").await;
        world.send_waiting().await;
        let messages: Vec<_> = slack.received().iter().map(|one| one.json().to_string()).collect();
        assert_eq!(messages.len(), 4, "{messages:?}");
        assert!(
            messages[2..].iter().any(|one| one.contains("no longer reach bob")),
            "{messages:?}"
        );
        assert_eq!(world.send_notices().await, 0, "both are told");
    });
}

#[test]
fn a_notice_that_finds_nobody_there_breaks_its_destination_too() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        slack.respond_with(&[404, 404]);
        let bob = destinations(&world).await[0].id;
        break_destination(&world, bob).await;
        assert_eq!(world.send_notices().await, 1);
        world.age_alerts("11 minutes").await;
        assert_eq!(world.send_notices().await, 1);
        assert!(destinations(&world).await[1].broken_at.is_some());
        let audited = "SELECT count(*) FROM audit_entries WHERE action = 'destination.broken'";
        let audited: i64 = sqlx::query_scalar(audited).fetch_one(&world.pool).await.expect("one");
        assert_eq!(audited, 1);
    });
}

#[test]
fn a_notice_goes_out_seconds_after_the_destination_was_marked() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        let slack_id = destinations(&world).await[1].id;
        // The worker has searched for results without a receipt, and does so again in a minute.
        let beaten = "SELECT count(*) FROM worker_heartbeats";
        e2e::eventually("a worker that polls", async || {
            let count: i64 = sqlx::query_scalar(beaten).fetch_one(&world.pool).await.ok()?;
            (count > 0).then_some(())
        })
        .await;
        let marked = std::time::Instant::now();
        break_destination(&world, slack_id).await;
        let mails = world.mailbox.wait_for(1).await;
        // A worker that starts labels what has no label yet.
        let texts =
            ["Alerts no longer reach Slack at 127.0.0.1", "Alerts no longer reach 127.0.0.1"];
        assert!(texts.iter().any(|text| mails[0].contains(text)), "{}", mails[0]);
        assert!(marked.elapsed() < Duration::from_secs(20), "{:?}", marked.elapsed());
        assert!(slack.received().is_empty());
    });
}

#[test]
fn mails_of_one_incident_are_one_conversation() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let event_id = failed(&world, "evt_1").await;
        world.mailbox.wait_for(1).await;
        world.incident_when(event_id, "open", |it| it.state == IncidentState::Open).await;
        world.result(event_id, "success", json!({})).await;
        let mails = world.mailbox.wait_for(2).await;
        let first = header(&mails[0], "Message-ID");
        assert_eq!(header(&mails[1], "In-Reply-To"), first);
        assert_eq!(header(&mails[1], "References"), first);
        assert_ne!(header(&mails[1], "Message-ID"), first);
        let subject = header(&mails[0], "Subject");
        assert_eq!(header(&mails[1], "Subject"), format!("Re: {subject}"));
        assert!(mails[1].contains("Resolved "), "{}", mails[1]);
        assert!(!mails[0].contains("In-Reply-To"));
    });
}

#[test]
fn a_mail_about_a_manual_resolution_names_who_resolved_it() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let event_id = failed(&world, "evt_1").await;
        world.mailbox.wait_for(1).await;
        let open = |it: &Incident| it.state == IncidentState::Open;
        let incident = world.incident_when(event_id, "open", open).await;
        let actor = Actor::Operator("alice@cometcart.test".to_owned());
        let action = OperatorAction { incident: &incident, actor: &actor, note: None };
        action.resolve(&world.pool, None).await.expect("an open incident");
        let mail = world.mailbox.wait_for(2).await.remove(1).replace("=\r\n", "");
        let named = "alice@cometcart.test resolved the incident manually";
        assert!(mail.contains(named), "{mail}");
    });
}

//! Telling people again: reminders, the next destination, and what was acknowledged and stands.

use domain::ids::DestinationId;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::receiver::Received;
use e2e::{Receiver, World, run};
use reqwest::Method;
use serde_json::{Value, json};
use store::cause_waits;
use store::destinations::list_destinations;
use store::notices::{NoticeClaim, claim_notice};
use uuid::Uuid;

use super::{CODE, change, end, fail, fail_many, flat, header, hook, start};
use crate::automation::script::{Script, bad_fields};
use crate::causes_told::headings;

/// What a worker does in a minute, after so long.
async fn wait(world: &World, interval: &str) {
    let sql = format!(
        "UPDATE cause_waits SET waiting_since = waiting_since - interval '{interval}',
             told_at = told_at - interval '{interval}', came_back_at = came_back_at - interval '{interval}';
         UPDATE incidents SET acknowledged_at = acknowledged_at - interval '{interval}'"
    );
    change(world, &sql).await;
    tokio::join!(world.send_notices(), world.send_notices());
}

/// Rules over those of before.
async fn rule(world: &World, option: &str, value: &str) -> (i32, Value) {
    let id = world.project.id.to_string();
    let set = ["alerting", "set", "--project", &id, option, value];
    world.cli(&set).await.expect("a command")
}

/// After an hour these kinds of destinations are told, one after the other, of what nobody acknowledged.
async fn escalate(world: &World, kinds: &str) {
    let sql = format!(
        "INSERT INTO alert_rules (project_id, escalate_after) SELECT id, 60 FROM projects;
         INSERT INTO escalation_steps SELECT project_id, row_number() OVER (ORDER BY kind), id
             FROM destinations WHERE kind IN ({kinds})"
    );
    change(world, &sql).await;
}

fn subjects(world: &World) -> Vec<String> {
    world.mailbox.mails().iter().map(|mail| header(mail, "Subject").to_owned()).collect()
}

async fn slack(world: &World) -> (Receiver, DestinationId) {
    let slack = world.alert_slack().await;
    let all = list_destinations(&world.pool, Some(world.project.id)).await.expect("a list");
    let id = all.iter().find(|one| one.kind == "slack").expect("slack").id;
    (slack, id)
}

#[test]
fn two_hundred_incidents_are_one_reminder_each_time_until_somebody_acknowledges() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        assert_eq!(rule(&world, "--remind-every", "30m").await.0, 0);
        fail_many(&world, 0..200).await;
        wait(&world, "0 minutes").await;
        let told = world.mailbox.mails().len();
        wait(&world, "29 minutes").await;
        assert_eq!(world.mailbox.mails().len(), told, "not yet");
        wait(&world, "1 minute").await;
        wait(&world, "30 minutes").await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), told + 2);
        let subject = header(&mails[told], "Subject");
        assert!(subject.contains("200 incidents of"), "{subject}");
        assert!(flat(&mails[told + 1]).contains("reminder 2"), "{}", mails[told + 1]);
        let named = "SELECT count(*) FROM audit_entries WHERE action = 'incident.reminded'";
        let named: i64 = sqlx::query_scalar(named).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(named, 40, "those that the messages name");

        change(&world, "UPDATE incidents SET state = 'acknowledged', acknowledged_at = now()")
            .await;
        wait(&world, "2 hours").await;
        assert_eq!(world.mailbox.mails().len(), told + 2);
    });
}

/// Two of three paid, and have waited for a while.
const PAID: &str = "UPDATE incidents SET opened_at = opened_at - interval '90 minutes', amount_value = 4900, amount_currency = 'USD'
    WHERE provider_event_id <> 'evt_2'";

#[test]
fn a_reminder_says_how_urgent_it_is_and_what_is_at_risk() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let hook = hook(&world).await;
        rule(&world, "--remind-every", "30m").await;
        fail_many(&world, 0..3).await;
        change(&world, PAID).await;
        wait(&world, "0 minutes").await;
        wait(&world, "30 minutes").await;
        let messages: Vec<Value> = hook.received().iter().map(Received::json).collect();
        let reminder = messages.iter().find(|it| it["type"] == "incidents.waiting");
        let data = &reminder.expect("a reminder")["data"];
        assert_eq!(data["urgency"], "normal", "a test project: {data}");
        assert_eq!(data["at_risk"], json!([{ "value": 9800, "currency": "USD" }]), "{data}");

        change(&world, "UPDATE projects SET mode = 'live'").await;
        wait(&world, "30 minutes").await;
        let mail = world.mailbox.mails().pop().expect("a reminder");
        let subject = header(&mail, "Subject");
        assert!(subject.contains("High urgency: 3 incidents of"), "{subject}");
        assert!(flat(&mail).contains("At risk: 98.00 USD."), "{mail}");
    });
}

#[test]
fn nothing_reminds_of_an_incident_whose_alerts_wait_for_a_policy() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        rule(&world, "--remind-every", "30m").await;
        let id = world.project.id.to_string();
        let set = ["policy", "set", "--project", &id, "--effect-type", "credit_grant", "--auto"];
        let set = [&set[..], &["--delay", "12h", "--wait-alerts"][..]].concat();
        let (code, printed) = world.cli(&set).await.expect("a command");
        assert_eq!(code, 0, "{printed}");
        fail(&world, "evt_1", CODE).await;
        wait(&world, "0 minutes").await;
        wait(&world, "1 hour").await;
        assert!(subjects(&world).is_empty(), "{:?}", subjects(&world));
        change(&world, "UPDATE policy_plans SET alerts_at = NULL").await;
        wait(&world, "0 minutes").await;
        wait(&world, "30 minutes").await;
        let told = subjects(&world);
        assert!(told.len() == 1 && told[0].contains("1 incident of"), "{told:?}");
    });
}

#[test]
fn a_worker_that_dies_between_due_and_told_loses_nothing_and_doubles_nothing() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        rule(&world, "--remind-every", "30m").await;
        fail(&world, "evt_1", CODE).await;
        wait(&world, "0 minutes").await;
        change(&world, "UPDATE cause_waits SET told_at = told_at - interval '30 minutes'").await;
        // Several write the reminder, and one dies with its claim.
        let (one, other) = (world.pool.clone(), world.pool.clone());
        let written =
            tokio::join!(cause_waits::enqueue_due(&one), cause_waits::enqueue_due(&other));
        assert_eq!(written.0.expect("a database") + written.1.expect("a database"), 1);
        let notice: Uuid = sqlx::query_scalar("SELECT id FROM notices")
            .fetch_one(&world.pool)
            .await
            .expect("one notice");
        let mut tx = world.pool.begin().await.expect("a transaction");
        assert!(matches!(claim_notice(&mut tx, notice).await, Ok(NoticeClaim::Send(_))));
        tx.commit().await.expect("a commit");
        world.send_notices().await;
        assert_eq!(world.mailbox.mails().len(), 1, "another may still be at it");
        change(&world, "UPDATE notices SET due_at = due_at - interval '11 seconds'").await;
        tokio::join!(world.send_notices(), world.send_notices());
        world.send_notices().await;
        assert_eq!(world.mailbox.mails().len(), 2);
    });
}

#[test]
fn a_reminder_of_what_was_acknowledged_before_it_was_sent_says_why_it_was_not() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        rule(&world, "--remind-every", "30m").await;
        fail(&world, "evt_1", CODE).await;
        wait(&world, "0 minutes").await;
        change(&world, "UPDATE cause_waits SET told_at = told_at - interval '30 minutes'").await;
        assert_eq!(cause_waits::enqueue_due(&world.pool).await.expect("a database"), 1);
        let acknowledged = "UPDATE incidents SET state = 'acknowledged', acknowledged_at = now()";
        change(&world, acknowledged).await;
        world.send_notices().await;
        let why = "SELECT last_answer FROM notices WHERE state = 'given_up'";
        let why: String = sqlx::query_scalar(why).fetch_one(&world.pool).await.expect("a notice");
        assert_eq!(why, "nothing that it is about waits any more");
        assert_eq!(world.mailbox.mails().len(), 1, "the alert alone");
    });
}

#[test]
fn the_next_destination_is_told_when_nobody_acknowledges_and_when_it_is_over() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let (slack, id) = slack(&world).await;
        let (project, id) = (world.project.id.to_string(), id.to_string());
        let set = [
            "alerting",
            "set",
            "--project",
            &project,
            "--escalate-after",
            "1h",
            "--escalate-to",
            &id,
        ];
        assert_eq!(world.cli(&set).await.expect("a command").0, 0);
        let event_id = fail(&world, "evt_1", CODE).await;
        wait(&world, "0 minutes").await;
        wait(&world, "59 minutes").await;
        assert_eq!((world.mailbox.mails().len(), slack.received().len()), (1, 0));
        wait(&world, "1 minute").await;
        wait(&world, "5 hours").await;
        assert_eq!((world.mailbox.mails().len(), slack.received().len()), (2, 1));
        assert!(headings(&slack)[0].contains("Escalated: 1 incident of"), "{:?}", headings(&slack));
        world.succeed_and_alert(event_id).await;
        wait(&world, "0 minutes").await;
        assert_eq!((world.mailbox.mails().len(), slack.received().len()), (3, 2));
        assert!(headings(&slack)[1].contains("is resolved"), "{:?}", headings(&slack));
    });
}

#[test]
fn what_opens_after_an_acknowledgement_is_escalated_again_and_all_of_it_is_over_once() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        escalate(&world, "'slack'").await;
        let first = fail(&world, "evt_1", CODE).await;
        wait(&world, "0 minutes").await;
        wait(&world, "1 hour").await;
        assert_eq!(slack.received().len(), 1);
        let seen = world.incident(first).await.id.to_string();
        world.cli(&["incident", "acknowledge", &seen]).await.expect("a command");
        wait(&world, "1 hour").await;
        let second = fail(&world, "evt_2", CODE).await;
        wait(&world, "0 minutes").await;
        wait(&world, "59 minutes").await;
        assert_eq!(slack.received().len(), 1, "not yet");
        wait(&world, "1 minute").await;
        wait(&world, "5 hours").await;
        let told = headings(&slack);
        assert!(told.len() == 2 && told[1].contains("Escalated: 1 incident of"), "{told:?}");
        for event_id in [first, second] {
            world.succeed_and_alert(event_id).await;
        }
        wait(&world, "0 minutes").await;
        assert_eq!(slack.received().len(), 3);
        assert!(headings(&slack)[2].contains("is resolved"), "{:?}", headings(&slack));
    });
}

#[test]
fn where_a_step_that_was_told_is_removed_the_next_one_is_told() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let (first, id) = slack(&world).await;
        let second = hook(&world).await;
        escalate(&world, "'slack', 'webhook'").await;
        fail(&world, "evt_1", CODE).await;
        wait(&world, "0 minutes").await;
        wait(&world, "1 hour").await;
        assert_eq!((first.received().len(), second.received().len()), (1, 0));
        let removed = world.cli(&["destination", "remove", &id.to_string()]).await;
        assert_eq!(removed.expect("a command").0, 0);
        wait(&world, "1 minute").await;
        assert_eq!((first.received().len(), second.received().len()), (1, 1));
        wait(&world, "5 hours").await;
        assert_eq!(second.received().len(), 1, "once");
    });
}

#[test]
fn an_escalation_that_waited_for_a_maintenance_is_told_step_by_step() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let (first, _) = slack(&world).await;
        let second = hook(&world).await;
        escalate(&world, "'slack', 'webhook'").await;
        fail(&world, "evt_1", CODE).await;
        wait(&world, "0 minutes").await;
        start(&world).await;
        wait(&world, "9 hours").await;
        assert_eq!((first.received().len(), second.received().len()), (0, 0), "telling waits");
        end(&world).await;
        wait(&world, "0 minutes").await;
        wait(&world, "1 minute").await;
        assert_eq!((first.received().len(), second.received().len()), (1, 0));
        wait(&world, "58 minutes").await;
        assert_eq!(second.received().len(), 0, "the first has its hour");
        wait(&world, "1 minute").await;
        assert_eq!(second.received().len(), 1);
    });
}

#[test]
fn without_another_destination_those_of_an_escalation_are_told_at_once() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        escalate(&world, "'slack'").await;
        let alone = "UPDATE alert_rules SET remind_every = 30;
             UPDATE destinations SET removed_at = now() WHERE kind = 'email'";
        change(&world, alone).await;
        let event_id = fail(&world, "evt_1", CODE).await;
        assert_eq!(slack.received().len(), 1);
        wait(&world, "0 minutes").await;
        wait(&world, "30 minutes").await;
        assert_eq!(slack.received().len(), 2, "and again");
        let id = world.incident(event_id).await.id.to_string();
        world.cli(&["incident", "snooze", &id, "--for", "5m"]).await.expect("a command");
        change(&world, "UPDATE snoozes SET until = now()").await;
        wait(&world, "0 minutes").await;
        assert_eq!(slack.received().len(), 3, "and when its snooze is over");
    });
}

#[test]
fn another_rule_is_changed_where_only_destinations_of_the_escalation_are_left() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let (_slack, id) = slack(&world).await;
        escalate(&world, "'slack'").await;
        change(&world, "UPDATE destinations SET removed_at = now() WHERE kind = 'email'").await;
        let (code, set) = rule(&world, "--remind-every", "30m").await;
        assert_eq!((code, &set["remind_every"]), (0, &json!("30m")), "{set}");
        assert_eq!(set["escalate_to"], json!([id]));
        assert_eq!(rule(&world, "--escalate-after", "off").await.0, 0);
        let project = world.project.id.to_string();
        let step = id.to_string();
        let set = ["alerting", "set", "--project", &project, "--escalate-after", "1h"];
        let set = [&set[..], &["--escalate-to", &step][..]].concat();
        let (code, printed) = world.cli(&set).await.expect("a command");
        let message = printed["error"]["message"].as_str().unwrap_or_default();
        assert!(code != 0 && message.starts_with("escalate_to "), "a new one: {printed}");
    });
}

#[test]
fn what_was_acknowledged_and_stands_comes_back_and_telling_waits_in_a_maintenance() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        rule(&world, "--come-back-after", "1d").await;
        let event_id = fail(&world, "evt_1", CODE).await;
        let id = world.incident(event_id).await.id.to_string();
        world.cli(&["incident", "acknowledge", &id]).await.expect("a command");
        wait(&world, "23 hours").await;
        assert_eq!(world.mailbox.mails().len(), 1);
        start(&world).await;
        wait(&world, "1 hour").await;
        assert_eq!(world.mailbox.mails().len(), 1, "telling waits");
        end(&world).await;
        wait(&world, "0 minutes").await;
        wait(&world, "23 hours").await;
        assert_eq!(world.mailbox.mails().len(), 2);
        assert!(subjects(&world)[1].contains("1 acknowledged incident of"));
        wait(&world, "1 hour").await;
        assert_eq!(world.mailbox.mails().len(), 3);
        let timeline = world.timeline(event_id).await;
        let reminded = timeline.iter().filter(|action| *action == "incident.reminded").count();
        assert_eq!(reminded, 2, "{timeline:?}");
    });
}

#[test]
fn rules_that_do_not_fit_together_are_named_and_nothing_changes() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let (_slack, slack) = slack(&world).await;
        let all = list_destinations(&world.pool, Some(world.project.id)).await.expect("a list");
        let everyone: Vec<_> = all.iter().map(|one| one.id).collect();
        let unknown = "dst_00000000000000000000000009";
        let path = format!("/{}/alert-rules", world.project.id);
        let admin = Script::new(&world, Role::Admin).await;
        for (body, field) in [
            (json!({ "escalate_after": "1h" }), "escalate_after"),
            (json!({ "escalate_to": [slack] }), "escalate_to"),
            (json!({ "escalate_after": "1h", "escalate_to": [unknown] }), "escalate_to"),
            (json!({ "escalate_after": "1h", "escalate_to": everyone }), "escalate_to"),
            (json!({ "escalate_after": "1h", "escalate_to": "bob" }), "escalate_to"),
            (json!({ "remind_every": "1m" }), "remind_every"),
            (json!({ "come_back_after": 7 }), "come_back_after"),
        ] {
            let (status, error) = admin.reject(Method::PUT, &path, Some(body.clone())).await;
            assert_eq!((status, bad_fields(&error)), (422, vec![field]), "{body}: {error:?}");
        }
        let (code, printed) = rule(&world, "--remind-every", "often").await;
        let message = printed["error"]["message"].as_str().unwrap_or_default();
        assert!(code != 0 && message.starts_with("remind_every must be off"), "{printed}");

        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}/alerting", world.project.id);
        let id = slack.to_string();
        let steps =
            [("escalate_after", "1h"), ("escalate_to_1", id.as_str()), ("remind_every", "30m")];
        assert_eq!(alice.submit(&page, &page, &steps).await.status, 303);
        let (_, shown) = admin.get(&path).await;
        assert_eq!(shown["escalate_to"], json!([slack]));
        assert_eq!(
            (&shown["escalate_after"], &shown["remind_every"]),
            (&json!("1h"), &json!("30m"))
        );
        let wrong = alice.submit(&page, &page, &[("escalate_after", "1h")]).await;
        let error = wrong.page().error("Escalate after").expect("an error");
        assert!(error.starts_with("Needs escalate_to"), "{error}");
    });
}

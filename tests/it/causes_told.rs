//! Many incidents at once: a few messages name all of them, and nothing is lost on the way.

mod crashes;
mod episodes;
mod limits;
mod settings;

use domain::ids::EventId;
use e2e::{Receiver, World, run};
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::alerts::AlertView;

pub const CODE: &str = "db_write_failed";

/// An incident of this cause, whose watch has had its alerts delivered.
pub async fn fail(world: &World, provider_event_id: &str, code: &str) -> EventId {
    let event_id = world.receipt(provider_event_id).await;
    world
        .result(event_id, "failed", json!({"error_code": code, "error_message": "disk full"}))
        .await;
    world.deliver_alerts(&[event_id]).await;
    event_id
}

/// So many incidents of one cause.
pub async fn fail_many(world: &World, numbers: std::ops::Range<usize>) -> Vec<EventId> {
    let mut events = Vec::new();
    for number in numbers {
        events.push(fail(world, &format!("evt_{number}"), CODE).await);
    }
    events
}

/// So many incidents of one cause that open at once, before an alert of any is delivered.
async fn flood(world: &World, numbers: std::ops::Range<usize>) -> Vec<EventId> {
    let names: Vec<_> = numbers.map(|number| format!("evt_{number}")).collect();
    let events = join_all(names.iter().map(|name| world.receipt(name))).await;
    report_of(world, &events, &json!({"status": "failed", "error_code": CODE})).await;
    events
}

/// The same result of many events.
async fn report_of(world: &World, events: &[EventId], result: &Value) {
    let status = result["status"].as_str().expect("a status");
    join_all(events.iter().map(|event_id| world.result(*event_id, status, result.clone()))).await;
    world.deliver_alerts(events).await;
}

pub async fn change(world: &World, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(&world.pool).await.expect("a database");
}

/// Lets time pass for causes, and for what waits for its destination.
pub async fn pass(world: &World, interval: &str) {
    let sql = format!(
        "UPDATE cause_threads SET told_at = told_at - interval '{interval}', ended_at = ended_at - interval '{interval}';
         UPDATE notices SET due_at = due_at - interval '{interval}', created_at = created_at - interval '{interval}'"
    );
    change(world, &sql).await;
    world.age_alerts(interval).await;
}

pub async fn alerts(world: &World, event_id: EventId) -> Vec<AlertView> {
    let id = world.incident(event_id).await.id;
    store::alerts::list_for_incident(&world.pool, id).await.expect("alerts")
}

pub async fn states(world: &World, event_id: EventId) -> Vec<String> {
    let all = alerts(world, event_id).await.into_iter();
    all.map(|alert| format!("{} {}", alert.kind, alert.state)).collect()
}

/// How many alerts are in each state.
pub async fn totals(world: &World) -> Vec<String> {
    let sql = "SELECT state || ' ' || count(*) FROM alerts GROUP BY state ORDER BY state";
    sqlx::query_scalar(sql).fetch_all(&world.pool).await.expect("alerts")
}

pub fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let found = mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {mail}"))
}

/// A mail without the line breaks of its encoding.
pub fn flat(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("\r\n ", " ")
}

pub fn headings(slack: &Receiver) -> Vec<String> {
    let posts = slack.received();
    let heading = |post: &serde_json::Value| post["blocks"][0]["text"]["text"].to_string();
    posts.iter().map(|post| heading(&post.json())).collect()
}

#[test]
fn a_hundred_incidents_of_a_cause_are_told_in_five_messages() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        let mut events = fail_many(&world, 0..11).await;
        world.send_waiting().await;
        events.extend(flood(&world, 11..101).await);
        world.send_waiting().await;
        events.extend(fail_many(&world, 101..102).await);
        world.send_waiting().await;
        assert_eq!(slack.received().len(), 3, "the next one is due at 1,000, or in a while");
        pass(&world, "15 minutes").await;
        world.send_waiting().await;
        report_of(&world, &events, &json!({"status": "success"})).await;
        world.send_waiting().await;
        world.send_waiting().await;

        let told = headings(&slack);
        assert_eq!(told.len(), 5, "{told:?}");
        for (heading, count) in told[1..].iter().zip(["11", "101", "102", "All 102"]) {
            let wanted = format!("\"{count} incidents of {CODE} on invoice.paid");
            assert!(heading.starts_with(&wanted), "{heading}");
        }
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 5);
        let first = header(&mails[0], "Message-ID");
        assert!(mails[1..].iter().all(|mail| header(mail, "References") == first), "{mails:?}");
        let last = flat(&mails[4]);
        assert!(last.contains("Resolved: 102 by a late success."), "{last}");
        assert_eq!(totals(&world).await, ["delivered 2", "told 406"]);
    });
}

#[test]
fn an_incident_that_is_alone_is_told_as_ever() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let event_id = fail(&world, "evt_1", CODE).await;
        world.send_waiting().await;
        world.succeed_and_alert(event_id).await;
        world.send_waiting().await;
        pass(&world, "15 minutes").await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 2);
        assert_eq!(header(&mails[1], "In-Reply-To"), header(&mails[0], "Message-ID"));
        let each = ["incident_opened delivered", "incident_resolved delivered"];
        assert_eq!(states(&world, event_id).await, each);
        let timeline = world.timeline(event_id).await;
        assert!(!timeline.contains(&"alert.told".to_owned()), "{timeline:?}");
    });
}

#[test]
fn each_incident_says_by_which_message_it_was_told() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let events = fail_many(&world, 0..3).await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 1);
        let waiting = alerts(&world, events[2]).await.remove(0);
        assert_eq!(waiting.state, "folded");
        let message = waiting.told_by.expect("a message");
        pass(&world, "15 minutes").await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 2);
        assert!(header(&mails[1], "Message-ID").contains(&message.to_string()), "{}", mails[1]);
        let text = flat(&mails[1]);
        assert!(text.contains("3 are not resolved: 3 open. 2 of them are new."), "{text}");
        assert!(text.contains("disk full") && text.contains("/incidents?cause="), "{text}");
        for event_id in &events[1..] {
            let alert = alerts(&world, *event_id).await.remove(0);
            assert_eq!((alert.state.as_str(), alert.told_by), ("told", Some(message)));
            let timeline = world.timeline(*event_id).await;
            assert_eq!(timeline.iter().filter(|action| *action == "alert.told").count(), 1);
        }
        pass(&world, "15 minutes").await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 2, "nothing new");
    });
}

#[test]
fn failed_reprocesses_and_acknowledgements_of_a_cause_are_no_messages_of_their_own() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let events = fail_many(&world, 0..3).await;
        let second = world.incident(events[1]).await.id;
        let replay_id = world.reprocess(second).await;
        let failed = json!({"replay_id": replay_id, "error_code": "still"});
        world.result(events[1], "failed", failed).await;
        world.deliver_alerts(&[events[1]]).await;
        change(&world, "UPDATE incidents SET state = 'acknowledged', acknowledged_at = now()")
            .await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 1);
        fail(&world, "evt_3", CODE).await;
        pass(&world, "15 minutes").await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 2);
        let text = flat(&mails[1]);
        assert!(text.contains("4 are not resolved: 1 open, 3 acknowledged."), "{text}");
        let both = ["incident_opened told", "reprocess_failed told"];
        assert_eq!(states(&world, events[1]).await, both);
    });
}

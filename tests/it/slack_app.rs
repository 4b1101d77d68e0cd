//! A Slack app: one message for an incident or a cause, edited as its state changes, with buttons that act.

mod buttons;
mod causes;
mod entry;
mod library;
mod people;

use domain::audit::Actor;
use domain::destination::{SlackApp, SlackChannel, SlackSigningSecret, SlackToken};
use domain::ids::EventId;
use doubles::slack::{CHANNEL, ChannelMessage, SIGNING_SECRET, Slack, TOKEN};
use e2e::{World, run};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::destinations::Target;
use store::operator_actions::OperatorAction;

pub fn app() -> SlackApp {
    SlackApp {
        token: SlackToken::parse(TOKEN).expect("a token"),
        channel: SlackChannel::parse(CHANNEL).expect("a channel"),
        secret: SlackSigningSecret::parse(SIGNING_SECRET).expect("a secret"),
    }
}

async fn slack(world: &World) -> Slack {
    let slack = Slack::start().await;
    let target = Target::SlackApp { api: slack.api(), app: app() };
    world.add_destination(&target, CHANNEL).await;
    slack
}

/// An event whose effect failed, so that an incident is open.
async fn fail(world: &World, provider_event_id: &str) -> EventId {
    let event_id = world.receipt(provider_event_id).await;
    world.result(event_id, "failed", json!({ "error_code": "db_write_failed" })).await;
    deliver_all(world, event_id).await;
    event_id
}

async fn succeed(world: &World, event_id: EventId) {
    world.result(event_id, "success", json!({})).await;
    deliver_all(world, event_id).await;
}

async fn acknowledge(world: &World, event_id: EventId) {
    let (incident, actor) = (world.incident(event_id).await, Actor::Cli("bob".to_owned()));
    let action = OperatorAction { incident: &incident, actor: &actor, note: None };
    action.acknowledge(&world.pool).await.expect("an open incident");
    deliver_all(world, event_id).await;
}

/// What the watch's activity does for each alert of the event; the pace is not waited for.
async fn deliver_all(world: &World, event_id: EventId) {
    execute(world, "UPDATE destinations SET next_send_at = NULL").await;
    world.deliver_alerts(&[event_id]).await;
}

/// What a worker does every few seconds.
async fn look(world: &World) {
    let passed = "UPDATE destinations SET next_send_at = NULL, retry_at = NULL;
         UPDATE alerts SET created_at = created_at - interval '11 seconds'";
    execute(world, passed).await;
    world.send_waiting().await;
}

async fn execute(world: &World, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(&world.pool).await.expect("a database");
}

/// The first block of a message that has a header, otherwise its text.
fn heading(message: &ChannelMessage) -> String {
    let header = &message.content["blocks"][0]["text"]["text"];
    header.as_str().unwrap_or_default().to_owned()
}

fn has_buttons(message: &ChannelMessage) -> bool {
    let blocks = message.content["blocks"].as_array().expect("blocks");
    blocks.iter().any(|block: &Value| block["type"] == "actions")
}

#[test]
fn an_incident_is_one_message_that_is_edited_and_a_failed_reprocess_a_reply_that_all_see() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = slack(&world).await;
        let event_id = fail(&world, "evt_1").await;
        assert!(has_buttons(&slack.messages()[0]));
        acknowledge(&world, event_id).await;
        assert!(heading(&slack.messages()[0]).ends_with("An operator sees to it."));
        let replay_id = world.reprocess(world.incident(event_id).await.id).await;
        let failed = json!({ "replay_id": replay_id, "error_code": "still" });
        world.result(event_id, "failed", failed).await;
        deliver_all(&world, event_id).await;
        succeed(&world, event_id).await;
        let told = slack.messages();
        assert_eq!((told.len(), told[0].edits), (2, 3));
        assert_eq!(told[1].thread.as_ref(), Some(&told[0].ts));
        assert_eq!(told[1].content["reply_broadcast"], true);
        assert!(heading(&told[1]).ends_with("The reprocess failed."));
        assert!(heading(&told[0]).ends_with("They were added after all."));
        assert!(!has_buttons(&told[0]), "nothing is left to do");
    });
}

#[test]
fn what_is_acknowledged_again_after_a_failed_reprocess_is_told_again() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = slack(&world).await;
        let event_id = fail(&world, "evt_1").await;
        acknowledge(&world, event_id).await;
        for number in 0..2 {
            let replay_id = world.reprocess(world.incident(event_id).await.id).await;
            let failed = json!({ "replay_id": replay_id, "error_code": "still" });
            world.result(event_id, "failed", failed).await;
            deliver_all(&world, event_id).await;
            assert!(heading(&slack.messages()[0]).ends_with("The reprocess failed."), "{number}");
            acknowledge(&world, event_id).await;
            let told = heading(&slack.messages()[0]);
            assert!(told.ends_with("An operator sees to it."), "{number}: {told}");
        }
    });
}

#[test]
fn a_message_from_before_a_maintenance_is_edited_beside_the_digest() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = slack(&world).await;
        let event_id = fail(&world, "evt_1").await;
        let began = "INSERT INTO maintenance_windows (id, project_id, started_by, ends_at)
             SELECT gen_random_uuid(), id, 'cli:bob', now() + interval '1 hour' FROM projects";
        execute(&world, began).await;
        succeed(&world, event_id).await;
        look(&world).await;
        assert!(has_buttons(&slack.messages()[0]), "telling waits");
        execute(&world, "UPDATE maintenance_windows SET ended_at = now(), ended_by = 'cli:bob'")
            .await;
        look(&world).await;
        let told = slack.messages();
        assert_eq!((told.len(), told[0].edits), (2, 1), "{told:?}");
        assert_eq!(
            heading(&told[0]),
            "The incident of db_write_failed on invoice.paid is resolved"
        );
        assert!(!has_buttons(&told[0]), "nothing is left to do");
        assert_eq!(heading(&told[1]), "After maintenance: 1 resolved");
    });
}

#[test]
fn a_cause_is_one_message_and_a_reply_says_that_nothing_of_it_waits() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = slack(&world).await;
        let mut events = Vec::new();
        for number in 0..10 {
            events.push(fail(&world, &format!("evt_{number}")).await);
        }
        look(&world).await;
        let grown = "10 incidents of db_write_failed on invoice.paid";
        assert_eq!(slack.messages().iter().map(heading).collect::<Vec<_>>(), [grown]);
        for event_id in &events {
            acknowledge(&world, *event_id).await;
        }
        let told = slack.messages();
        assert_eq!((told.len(), told[0].edits), (2, 1), "{told:?}");
        assert_eq!(heading(&told[0]), grown, "no single incident takes the cause's place");
        assert_eq!(told[1].thread.as_ref(), Some(&told[0].ts));
        assert!(heading(&told[1]).starts_with("No incident of this cause waits"));
        for event_id in &events {
            succeed(&world, *event_id).await;
        }
        look(&world).await;
        let over = "All 10 incidents of db_write_failed on invoice.paid are resolved";
        assert_eq!(heading(&slack.messages()[0]), over);
    });
}

#[test]
fn a_channel_of_an_escalation_hears_nothing_of_what_was_acknowledged_in_time() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = slack(&world).await;
        let rules = "INSERT INTO alert_rules (project_id, escalate_after) SELECT id, 60 FROM projects;
             INSERT INTO escalation_steps SELECT project_id, 1, id FROM destinations WHERE kind = 'slack_app'";
        execute(&world, rules).await;
        for number in 0..3 {
            let event_id = fail(&world, &format!("evt_{number}")).await;
            acknowledge(&world, event_id).await;
        }
        look(&world).await;
        assert_eq!(slack.messages(), []);
        execute(&world, "UPDATE destinations SET removed_at = now() WHERE kind = 'email'").await;
        let event_id = fail(&world, "evt_3").await;
        acknowledge(&world, event_id).await;
        let told = slack.messages();
        assert_eq!((told.len(), told[0].edits), (1, 1), "no other is left that is told at once");
    });
}

#[test]
fn a_channel_that_was_added_late_gets_one_message_of_all_that_are_acknowledged() {
    run(async {
        let world = World::start_without_worker().await;
        let mut events = Vec::new();
        for number in 0..10 {
            events.push(fail(&world, &format!("evt_{number}")).await);
        }
        let slack = slack(&world).await;
        for event_id in &events {
            acknowledge(&world, *event_id).await;
        }
        look(&world).await;
        let told = slack.messages();
        let in_channel = told.iter().filter(|message| message.thread.is_none()).count();
        assert_eq!(in_channel, 1, "{told:?}");
    });
}

#[test]
fn a_worker_that_dies_before_it_kept_what_slack_took_posts_once_more_and_edits_that() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = slack(&world).await;
        let event_id = fail(&world, "evt_1").await;
        // As the database is between Slack's answer and the note of it, once the claim has run out.
        let died = "UPDATE alerts SET state = 'pending', finished_at = NULL, posted = NULL, unnoted_attempts = 1";
        execute(&world, died).await;
        deliver_all(&world, event_id).await;
        assert_eq!(slack.messages().len(), 2);
        succeed(&world, event_id).await;
        let told = slack.messages();
        assert_eq!((told.len(), told[0].edits, told[1].edits), (2, 0, 1));
    });
}

#[test]
fn what_slack_does_not_take_waits_and_the_answer_names_the_cure() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = slack(&world).await;
        slack.limit_next(1);
        fail(&world, "evt_1").await;
        assert_eq!(slack.messages(), []);
        slack.fail_with(Some("not_in_channel"));
        look(&world).await;
        let all = store::destinations::list_destinations(&world.pool, None).await;
        let said = all.expect("destinations").remove(0).last_failure.expect("an answer");
        assert!(said.contains("not_in_channel: invite the app to the channel"), "{said}");
        slack.fail_with(None);
        look(&world).await;
        assert_eq!(slack.messages().len(), 1);
    });
}

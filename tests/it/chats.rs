//! Discord, Teams and ntfy: notified like every other destination, each as its provider wants it.

mod entry;
mod libraries;

use domain::destination::NtfyToken;
use domain::ids::EventId;
use doubles::discord::Discord;
use e2e::{Receiver, World, run};
use serde_json::{Value, json};
use store::destinations::Target;

const TOKEN: &str = "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2";
/// What an ntfy server answers.
const TAKEN: &str = r#"{"id":"hwQ2YpKdmg","time":1635528741,"event":"message"}"#;

async fn discord(world: &World) -> Discord {
    let discord = Discord::start().await;
    world.add_destination(&Target::Discord(discord.url()), "127.0.0.1").await;
    discord
}

/// An event whose effect failed, so that an incident is open.
fn titles(discord: &Discord) -> Vec<String> {
    let messages = discord.messages();
    let title =
        |content: &Value| content["embeds"][0]["title"].as_str().unwrap_or_default().to_owned();
    messages.iter().map(|message| title(&message.content)).collect()
}

#[test]
fn a_cause_is_one_message_in_discord_from_its_first_incident_to_its_last() {
    run(async {
        let world = World::start_without_worker().await;
        let discord = discord(&world).await;
        let mut events = Vec::new();
        for number in 0..12 {
            events.push(world.fail_and_alert(&format!("evt_{number}")).await);
        }
        world.send_waiting().await;
        let grown = "12 incidents of db\\_write\\_failed on invoice.paid";
        assert_eq!(titles(&discord), [grown], "the first one became the cause's");
        for event_id in &events {
            world.succeed_and_alert(*event_id).await;
        }
        world.send_waiting().await;
        let over = "All 12 incidents of db\\_write\\_failed on invoice.paid are resolved";
        assert_eq!(titles(&discord), [over]);
        assert_eq!(discord.messages()[0].edits, 2);

        world.fail_and_alert("evt_back").await;
        assert_eq!(discord.messages().len(), 2, "one that is back is noticed");
    });
}

#[test]
fn a_failed_reprocess_is_a_message_of_its_own_and_the_first_one_is_edited_at_the_end() {
    run(async {
        let world = World::start_without_worker().await;
        let discord = discord(&world).await;
        let event_id = world.fail_and_alert("evt_1").await;
        fail_reprocess(&world, event_id).await;
        let first = discord.messages().remove(0);
        assert_eq!((discord.messages().len(), first.edits), (2, 0));
        world.succeed_and_alert(event_id).await;
        let told = titles(&discord);
        assert!(told[0].ends_with("They were added after all."), "{told:?}");
        assert!(told[1].ends_with("The reprocess failed."), "{told:?}");
    });
}

/// Reprocesses what failed, in vain.
async fn fail_reprocess(world: &World, event_id: EventId) {
    let replay_id = world.reprocess(world.incident(event_id).await.id).await;
    let failed = json!({ "replay_id": replay_id, "error_code": "still" });
    world.result(event_id, "failed", failed).await;
    world.deliver_alerts(&[event_id]).await;
}

#[test]
fn a_failed_reprocess_that_is_the_first_message_is_edited_at_the_end() {
    run(async {
        let world = World::start_without_worker().await;
        let event_id = world.fail_and_alert("evt_1").await;
        let discord = discord(&world).await;
        fail_reprocess(&world, event_id).await;
        assert!(titles(&discord)[0].ends_with("The reprocess failed."));
        world.succeed_and_alert(event_id).await;
        let messages = discord.messages();
        assert_eq!((messages.len(), messages[0].edits), (1, 1), "{messages:?}");
    });
}

#[test]
fn a_message_that_was_deleted_is_posted_again_and_edited_from_then_on() {
    run(async {
        let world = World::start_without_worker().await;
        let discord = discord(&world).await;
        let mut events = Vec::new();
        for number in 0..10 {
            events.push(world.fail_and_alert(&format!("evt_{number}")).await);
        }
        discord.delete_messages();
        world.send_waiting().await;
        assert_eq!(discord.messages().len(), 1);
        for event_id in &events {
            world.succeed_and_alert(*event_id).await;
        }
        world.send_waiting().await;
        let messages = discord.messages();
        assert_eq!((messages.len(), messages[0].edits), (1, 1));
    });
}

#[test]
fn discord_that_takes_no_more_is_left_alone_and_a_removed_webhook_is_broken() {
    run(async {
        let world = World::start_without_worker().await;
        let discord = discord(&world).await;
        discord.limit_next(1);
        world.fail_and_alert("evt_1").await;
        assert_eq!(discord.messages(), []);
        world.age_alerts("31 seconds").await;
        world.send_waiting().await;
        assert_eq!(discord.messages().len(), 1);
        discord.remove();
        let tested = fail_with(&world, "evt_2", "timeout").await;
        world.age_alerts("31 seconds").await;
        world.send_waiting().await;
        let gone =
            "UPDATE destinations SET gone_at = gone_at - interval '11 minutes', retry_at = now()";
        sqlx::raw_sql(gone).execute(&world.pool).await.expect("a database");
        world.send_waiting().await;
        let timeline = world.timeline(tested).await;
        assert!(timeline.contains(&"destination.broken".to_owned()), "{timeline:?}");
    });
}

/// One of another cause.
async fn fail_with(world: &World, provider_event_id: &str, code: &str) -> EventId {
    let event_id = world.receipt(provider_event_id).await;
    world.result(event_id, "failed", json!({ "error_code": code })).await;
    world.deliver_alerts(&[event_id]).await;
    event_id
}

#[test]
fn teams_gets_a_card_and_ntfy_a_notification_with_its_topic_and_token() {
    run(async {
        let world = World::start_without_worker().await;
        let teams = Receiver::start().await.expect("a receiver");
        teams.respond_with_body(202, "");
        world.add_destination(&Target::Teams(teams.url().to_owned()), "127.0.0.1").await;
        let ntfy = Receiver::start().await.expect("a receiver");
        ntfy.respond_with_body(200, TAKEN);
        let url = ntfy.url().replace("/repair", "/cometcart-payments");
        let token = Some(NtfyToken::parse(TOKEN).expect("a token"));
        world.add_destination(&Target::Ntfy { url, token }, "127.0.0.1").await;
        let event_id = world.fail_and_alert("evt_1").await;
        let card = teams.wait_for(1).await.remove(0).json();
        let content = &card["attachments"][0]["content"];
        assert_eq!(content["type"], "AdaptiveCard");
        assert!(content.to_string().contains("user_456 paid for credits."), "{content}");
        let request = ntfy.wait_for(1).await.remove(0);
        assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
        let notification = request.json();
        assert_eq!(notification["topic"], "cometcart-payments");
        let timeline = world.timeline(event_id).await;
        assert_eq!(timeline.iter().filter(|it| *it == "alert.delivered").count(), 2);
    });
}

//! Slack: told like everybody else, and marked as broken when its URL is gone.

use domain::incident::IncidentState;
use e2e::world::BOB;
use e2e::{Receiver, World, eventually, run};
use serde_json::json;
use store::destinations::Target;

async fn destinations(world: &World) -> Vec<store::destinations::Destination> {
    let project_id = Some(world.project.id);
    store::destinations::list_destinations(&world.pool, project_id).await.expect("destinations")
}

#[test]
fn slack_gets_blocks_with_a_fallback_and_no_commands_of_strangers() {
    run(async {
        let world = World::start().await;
        let slack = Receiver::start().await.expect("a receiver");
        world.tell(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        let event_id = world.receipt("evt_1").await;
        let words = json!({"error_code": "boom", "error_message": "<!channel> look & see"});
        world.result(event_id, "failed", words).await;
        let message = slack.wait_for(1).await.remove(0).json();
        assert!(
            message["text"].as_str().is_some_and(|text| text.contains("user_456")),
            "{message}"
        );
        assert!(message["blocks"].as_array().is_some_and(|blocks| !blocks.is_empty()));
        let all = message.to_string();
        assert!(
            !all.contains("<!channel>") && all.contains("&lt;!channel&gt; look &amp; see"),
            "{all}"
        );
    });
}

#[test]
fn a_slack_url_that_is_gone_is_marked_as_broken_and_delays_nobody() {
    run(async {
        let world = World::start().await;
        let slack = Receiver::start().await.expect("a receiver");
        slack.answer_with(&[404]);
        world.tell(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        world.tell_bob().await;
        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "failed", json!({})).await;
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains(BOB));
        eventually("a broken destination", async || {
            destinations(&world).await.iter().any(|one| one.broken_at.is_some()).then_some(())
        })
        .await;
        let timeline = world.timeline(event_id).await;
        assert!(timeline.contains(&"destination.broken".to_owned()), "{timeline:?}");
        assert!(timeline.contains(&"alert.given_up".to_owned()), "{timeline:?}");

        world.result(event_id, "success", json!({})).await;
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        world.mailbox.wait_for(2).await;
        assert_eq!(slack.received().len(), 1, "nobody talks to a broken destination");
    });
}

//! Slack: notified like every other destination.

use e2e::{World, run};
use serde_json::json;

#[test]
fn slack_gets_blocks_with_a_fallback_and_no_commands_of_strangers() {
    run(async {
        let world = World::start().await;
        let slack = world.alert_slack().await;
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

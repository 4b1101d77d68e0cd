//! What is sent is what the providers' libraries make and take: discord-webhook for Python builds and edits the same
//! message, Microsoft's adaptivecards for JavaScript reads every card without an objection, and aiontfy for Python, which
//! Home Assistant sends with, reads every notification and writes it as it was.

use std::path::PathBuf;
use std::process::Command;

use doubles::discord::Discord;
use e2e::{Receiver, World, run};
use serde_json::{Value, json};
use store::destinations::Target;

use super::{TAKEN, discord};
use crate::clients::ask;

/// Builds, posts and edits our message, and prints it as the library made it.
const DISCORD_WEBHOOK: &str = r#"
import json, sys
from discord_webhook import DiscordEmbed, DiscordWebhook
url, ours = sys.argv[1], json.loads(sys.argv[2])
webhook = DiscordWebhook(url=url, username=ours["username"], allowed_mentions=ours["allowed_mentions"])
embed = ours["embeds"][0]
theirs = DiscordEmbed(
    title=embed["title"], description=embed["description"], url=embed["url"], color=embed["color"],
)
theirs.set_footer(text=embed["footer"]["text"])
theirs.set_timestamp(embed["timestamp"])
for field in embed["fields"]:
    theirs.add_embed_field(name=field["name"], value=field["value"], inline=field["inline"])
webhook.add_embed(theirs)
assert webhook.execute().status_code == 200
assert webhook.edit().status_code == 200
print(json.dumps(webhook.json))
"#;

/// Reads cards, and prints what is wrong with each.
const ADAPTIVE_CARDS: &str = r#"
const { createRequire } = require("node:module");
globalThis.self ??= globalThis;
globalThis.window ??= globalThis;
const AC = createRequire(process.argv[1] + "/")("adaptivecards/dist/adaptivecards.js");
const wrong = JSON.parse(process.argv[2]).map((content) => {
  const context = new AC.SerializationContext(AC.Versions.v1_4);
  const card = new AC.AdaptiveCard();
  card.parse(content, context);
  const read = Array.from({ length: context.eventCount }, (_, at) => context.getEventAt(at).message);
  return [...read, ...card.validateProperties().validationEvents.map((event) => event.message)];
});
console.log(JSON.stringify(wrong));
"#;

/// Reads notifications and prints each as the library would send it, or why it would not.
const AIONTFY: &str = r"
import json, sys
from aiontfy import Message
def read(notification):
    try:
        return Message.from_dict(notification).to_dict()
    except Exception as error:
        return str(error)
print(json.dumps([read(one) for one in json.loads(sys.argv[1])]))
";

fn libraries() -> PathBuf {
    PathBuf::from(ask("install_test_libraries.py"))
}

fn printed(command: &mut Command) -> Value {
    let output = command.env("NO_PROXY", "*").output().expect("an interpreter");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Without what a library says to be absent.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[test]
fn discord_webhook_makes_posts_and_edits_the_same_message() {
    run(async {
        let world = World::start_without_worker().await;
        let channel = discord(&world).await;
        world.fail_and_alert("evt_1").await;
        let ours = channel.messages().remove(0).content;
        let theirs = Discord::start().await;
        let (url, message) = (theirs.url(), ours.to_string());
        let made = tokio::task::spawn_blocking(move || {
            let mut python = Command::new("python3");
            python.args(["-c", DISCORD_WEBHOOK, &url, &message]);
            printed(python.env("PYTHONPATH", libraries().join("python")))
        });
        let made = made.await.expect("no panic");
        let mut made = without_nulls(&made);
        // Their own: what a message with files needs, that they wait for the answer, and what they were answered.
        for name in ["attachments", "wait", "id"] {
            made.as_object_mut().expect("an object").remove(name);
        }
        assert_eq!(made, ours);
        assert_eq!(theirs.messages()[0].edits, 1);
    });
}

#[test]
fn adaptivecards_reads_each_card_without_an_objection() {
    run(async {
        let world = World::start_without_worker().await;
        let teams = Receiver::start().await.expect("a receiver");
        world.add_destination(&Target::Teams(teams.url().to_owned()), "127.0.0.1").await;
        let first = world.fail_and_alert("evt_0").await;
        for number in 1..10 {
            world.fail_and_alert(&format!("evt_{number}")).await;
        }
        world.send_waiting().await;
        world.succeed_and_alert(first).await;
        let cards = teams.wait_for(2).await;
        let content = |card: &Value| card["attachments"][0]["content"].clone();
        let mut cards: Vec<_> = cards.iter().map(|request| content(&request.json())).collect();
        let mut wrong = cards[0].clone();
        wrong["body"][0]["type"] = json!("RichText");
        cards.push(wrong);
        let said = tokio::task::spawn_blocking(move || {
            let folder = libraries().join("node");
            let mut node = Command::new("node");
            node.args(["-e", ADAPTIVE_CARDS, &folder.display().to_string()]);
            printed(node.arg(Value::from(cards).to_string()))
        });
        let said = said.await.expect("no panic");
        let objections: Vec<_> = said
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it.as_array().map_or(0, Vec::len))
            .collect();
        let (last, others) = objections.split_last().expect("cards");
        assert!(others.iter().all(|count| *count == 0), "{said}");
        assert!(*last > 0, "one with an unknown part is noticed");
    });
}

#[test]
fn aiontfy_reads_each_notification_and_writes_the_same() {
    run(async {
        let world = World::start_without_worker().await;
        let ntfy = Receiver::start().await.expect("a receiver");
        for _ in 0..20 {
            ntfy.respond_with_body(200, TAKEN);
        }
        let url = ntfy.url().replace("/repair", "/cometcart-payments");
        world.add_destination(&Target::Ntfy { url, token: None }, "127.0.0.1").await;
        let first = world.fail_and_alert("evt_0").await;
        for number in 1..10 {
            world.fail_and_alert(&format!("evt_{number}")).await;
        }
        world.send_waiting().await;
        world.succeed_and_alert(first).await;
        let sent = ntfy.wait_for(2).await;
        let ours: Vec<_> = sent.iter().map(|request| without_nulls(&request.json())).collect();
        let mut asked = ours.clone();
        let mut wrong = ours[0].clone();
        wrong["priority"] = json!(6);
        asked.push(wrong);
        let read = tokio::task::spawn_blocking(move || {
            let mut python = Command::new("python3");
            python.args(["-c", AIONTFY, &Value::from(asked).to_string()]);
            printed(python.env("PYTHONPATH", libraries().join("python")))
        });
        let Value::Array(mut made) = without_nulls(&read.await.expect("no panic")) else {
            panic!("a list");
        };
        assert_eq!(made.pop(), Some(json!("Priority must be between 1 and 5")));
        for notification in &mut made {
            leave_out_defaults(notification);
        }
        assert_eq!(made, ours);
    });
}

/// The library says also what it does not ask for.
fn leave_out_defaults(notification: &mut Value) {
    let fields = notification.as_object_mut().expect("a notification");
    assert_eq!(fields.remove("markdown"), Some(json!(false)));
    for action in fields["actions"].as_array_mut().expect("actions") {
        assert_eq!(action.as_object_mut().expect("an action").remove("clear"), Some(json!(false)));
    }
}

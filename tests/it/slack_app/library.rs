//! Slack's own library for Python takes the blocks that we send, posts and edits them as we do, and signs what we verify.

use std::process::Command;

use domain::incident::IncidentState;
use domain::operator::Role;
use doubles::slack::Press;

use super::buttons::{hire, now, send};
use super::*;
use crate::clients::ask;

/// Reads the blocks of each message by the models, posts the first and edits it, and signs a body. It prints the blocks
/// that the models make, what a text that is too long is told, the message's `ts`, and the signature.
const PROGRAM: &str = r#"
import json, sys
from slack_sdk import WebClient
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.signature import SignatureVerifier
base, token, secret, given = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])

def made(blocks):
    return [block.to_dict() for block in Block.parse_all(blocks)]

theirs = [made(message["blocks"]) for message in given["messages"]]
given["wrong"][0]["text"]["text"] = "x" * 151
try:
    objection = str(made(given["wrong"]))
except SlackObjectFormationError as error:
    objection = str(error)
client = WebClient(token, base_url=base)
first = given["messages"][0]
posted = client.chat_postMessage(**first)
client.chat_update(channel=first["channel"], ts=posted["ts"], text=first["text"], blocks=first["blocks"])
signature = SignatureVerifier(secret).generate_signature(timestamp=given["timestamp"], body=given["body"])
print(json.dumps({"theirs": theirs, "objection": objection, "ts": posted["ts"], "signature": signature}))
"#;

async fn by_their_library(to: &Slack, given: Value) -> Value {
    let api = to.api();
    let asking = tokio::task::spawn_blocking(move || {
        let libraries = std::path::PathBuf::from(ask("install_test_libraries.py"));
        let output = Command::new("python3")
            .args(["-c", PROGRAM, &api, TOKEN, SIGNING_SECRET, &given.to_string()])
            .env("PYTHONPATH", libraries.join("python"))
            .env("NO_PROXY", "*")
            .output()
            .expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    });
    asking.await.expect("no panic")
}

/// A message of each form: an incident in each of its states, and a cause of several.
async fn tell_all(world: &World, slack: &Slack) -> Vec<Value> {
    let mut told = Vec::new();
    let event_id = fail(world, "evt_0").await;
    told.push(slack.messages()[0].content.clone());
    acknowledge(world, event_id).await;
    told.push(slack.messages()[0].content.clone());
    for number in 1..10 {
        fail(world, &format!("evt_{number}")).await;
    }
    look(world).await;
    told.push(slack.messages()[0].content.clone());
    let other = world.receipt("evt_other").await;
    world.result(other, "failed", json!({ "error_code": "timeout" })).await;
    deliver_all(world, other).await;
    succeed(world, other).await;
    told.push(slack.messages().pop().expect("a message").content);
    told
}

#[test]
fn slack_sdk_makes_the_same_blocks_posts_and_edits_them_and_signs_what_we_verify() {
    run(async {
        let world = World::start_without_worker().await;
        let ours = slack(&world).await;
        hire(&world, "bob@cometcart.test", Role::Operator, "U0123ABCDEF").await;
        let messages = tell_all(&world, &ours).await;
        let open = world.receipt("evt_open").await;
        world.result(open, "failed", json!({ "error_code": "locked" })).await;
        deliver_all(&world, open).await;
        let message = ours.messages().pop().expect("a message");
        let pressed = ours.press(&message, "acknowledge", "U0123ABCDEF", now());
        let theirs = Slack::start().await;
        let given = json!({
            "messages": messages, "wrong": messages[0]["blocks"],
            "timestamp": pressed.timestamp, "body": pressed.body,
        });
        let made = by_their_library(&theirs, given).await;
        let blocks: Vec<_> = messages.iter().map(|message| message["blocks"].clone()).collect();
        assert_eq!(made["theirs"], Value::from(blocks));
        assert_eq!(made["objection"], "text attribute cannot exceed 150 characters");
        let posted = theirs.messages().remove(0);
        assert_eq!((made["ts"].as_str(), posted.edits), (Some(posted.ts.as_str()), 1));
        let signature = made["signature"].as_str().expect("a signature").to_owned();
        assert_eq!(send(&world, &Press { signature, ..pressed }).await, 200);
        assert_eq!(world.incident(open).await.state, IncidentState::Acknowledged);
    });
}

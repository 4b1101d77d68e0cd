//! PagerDuty's own client for Python sends the event that we send.

use std::process::Command;

use doubles::pagerduty::PagerDuty;
use e2e::receiver::Received;
use e2e::{World, run};
use serde_json::{Value, json};

use super::{KEY, service};
use crate::clients::ask;

/// Sends an event of ours by the client, and prints the keys that it was answered.
const PROGRAM: &str = r#"
import json, sys
import pagerduty
base, event = sys.argv[1], json.loads(sys.argv[2])
client = pagerduty.EventsApiV2Client(event["routing_key"])
# It wants https of whoever sets its address; the double has none.
client._url = base
payload = event["payload"]
given = {name: payload[name] for name in ("component", "group", "class", "timestamp")}
keys = [
    client.trigger(
        payload["summary"], payload["source"], dedup_key=event["dedup_key"], severity=payload["severity"],
        payload=given, custom_details=payload["custom_details"], links=event["links"],
    ),
    client.acknowledge(event["dedup_key"]),
    client.resolve(event["dedup_key"]),
]
print(json.dumps(keys))
"#;

fn send_by_their_client(to: &PagerDuty, event: &Value) -> Value {
    let libraries = std::path::PathBuf::from(ask("install_test_libraries.py"));
    let output = Command::new("python3")
        .args(["-c", PROGRAM, &to.base(), &event.to_string()])
        .env("PYTHONPATH", libraries.join("python"))
        .env("NO_PROXY", "*")
        .output()
        .expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn pagerdutys_own_client_makes_the_same_event_of_the_same_facts() {
    run(async {
        let world = World::start_without_worker().await;
        let pagerduty = service(&world).await;
        world.fail_and_alert("evt_1").await;
        let mut ours = pagerduty.received().remove(0).json();
        let theirs = PagerDuty::start(KEY).await;
        let event = ours.clone();
        let (theirs, keys) = tokio::task::spawn_blocking(move || {
            let keys = send_by_their_client(&theirs, &event);
            (theirs, keys)
        })
        .await
        .expect("no panic");
        let key = &ours["dedup_key"];
        assert_eq!(keys, json!([key, key, key]), "their client reads our double's answers");
        let sent: Vec<_> = theirs.received().iter().map(Received::json).collect();
        let follow_up =
            |action: &str| json!({ "routing_key": KEY, "event_action": action, "dedup_key": key });
        assert_eq!(sent[1..], [follow_up("acknowledge"), follow_up("resolve")]);
        // Their client has no argument for these two, which the API takes.
        let object = ours.as_object_mut().expect("an object");
        assert!(object.remove("client").is_some() && object.remove("client_url").is_some());
        assert_eq!(sent[0], ours);
    });
}

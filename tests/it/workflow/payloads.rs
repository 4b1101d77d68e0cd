//! Histories are read by many: their content is plain JSON, and nothing secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::EventId;
use e2e::world::{BOB, receipt};
use e2e::{World, eventually, run, temporal};
use serde_json::{Value, json};
use temporalio_client::WorkflowFetchHistoryOptions;
use workflows::EffectWatch;
use workflows::names::workflow_id;

const CANARY: &str = "canary-7f3a91";

/// Gathers every payload below a value: its encoding and its text.
fn payloads(value: &Value, found: &mut Vec<(String, String)>) {
    let decode = |value: &Value| {
        let bytes = STANDARD.decode(value.as_str().expect("text")).expect("base64");
        String::from_utf8(bytes).expect("a payload of text")
    };
    match value {
        Value::Object(fields) if fields.contains_key("metadata") && fields.contains_key("data") => {
            found.push((decode(&fields["metadata"]["encoding"]), decode(&fields["data"])));
        }
        Value::Object(fields) => fields.values().for_each(|value| payloads(value, found)),
        Value::Array(values) => values.iter().for_each(|value| payloads(value, found)),
        _ => {}
    }
}

#[test]
fn a_history_holds_plain_json_and_neither_words_of_the_app_nor_secrets() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        world.repair.respond_with(&[500]);
        let event_id = repaired_at_the_second_try(&world).await;
        let client = world.temporal().await;
        let handle = client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
        let history = handle.fetch_history(WorkflowFetchHistoryOptions::default());
        let history = history.to_json().await.expect("a history");
        let history: Value = serde_json::from_slice(&history).expect("JSON");
        let mut found = Vec::new();
        payloads(&history, &mut found);
        assert!(found.len() > 15, "{found:?}");
        for (encoding, text) in &found {
            assert_eq!(encoding, "json/plain", "{text}");
            serde_json::from_str::<Value>(text).expect("plain JSON");
        }
        let all = format!("{history} {found:?}");
        assert!(all.contains("user_456"), "searches know the app's reference");
        let (secret, key) = (world.secret.reveal(), world.key.reveal().to_owned());
        for private in [CANARY, &secret, &key, BOB, world.repair.url(), "answer 500"] {
            assert!(!all.contains(private), "{private} stands in a history");
        }
    });
}

/// A failure is repaired, and everyone sends too much in the meantime.
async fn repaired_at_the_second_try(world: &World) -> EventId {
    let mut body = receipt("evt_1");
    body["payload"] = json!({ "card": CANARY });
    let event_id = world.send_receipt(&body).await;
    let words = json!({"error_code": "db_write_failed", "error_message": CANARY});
    let incident_id = world.fail(event_id, words).await;
    world.mailbox.wait_for(1).await;
    world.skip_time(event_id).await;
    let replay_id = world.reprocess(incident_id).await;
    world.repair.wait_for(2).await;
    let client = world.temporal().await;
    eventually("a delivered callback", async || {
        let status = temporal::status(&client, event_id).await.ok()?;
        (status.reprocess?.attempts == 2).then_some(())
    })
    .await;
    let words = json!({"replay_id": replay_id, "error_message": CANARY});
    world.result(event_id, "success", words).await;
    temporal::finished(&client, event_id).await;
    event_id
}

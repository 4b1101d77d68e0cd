//! Histories as an upgrade writes them: a worker of the release before went on with the watch, while
//! the release after it already said when and which extensions are to be asked.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// The history with what the release before does not read: when to ask before the deadline, and a
/// call that is to be made in every state that the database gave.
pub fn with_unread_extensions(json: &[u8], ask_before_ms: u64) -> Vec<u8> {
    let mut history: Value = serde_json::from_slice(json).expect("JSON");
    extend(&mut history, ask_before_ms);
    history.to_string().into_bytes()
}

fn extend(value: &mut Value, ask_before_ms: u64) {
    match value {
        Value::Object(fields) => {
            let read = fields.get("data").and_then(|data| payload(data.as_str()?));
            if let Some(extended) = read.and_then(|payload| extended(payload, ask_before_ms)) {
                fields
                    .insert("data".to_owned(), BASE64_STANDARD.encode(extended.to_string()).into());
            }
            fields.values_mut().for_each(|value| extend(value, ask_before_ms));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| extend(value, ask_before_ms)),
        _ => {}
    }
}

fn payload(data: &str) -> Option<Value> {
    serde_json::from_slice(&BASE64_STANDARD.decode(data).ok()?).ok()
}

fn extended(mut payload: Value, ask_before_ms: u64) -> Option<Value> {
    let fields = payload.as_object_mut()?;
    if fields.contains_key("resumed") {
        fields.insert("ask_before_ms".to_owned(), json!([ask_before_ms]));
    } else if fields.contains_key("next") {
        let ask = json!({
            "call_id": "cal_00000000000000000000000001", "name": "credits.verify", "budget_ms": 5_000,
            "target": { "kind": "activity", "activity": "a", "queue": "sendpromptly-ext.a", "input": {} },
        });
        fields.insert("asks".to_owned(), json!([ask]));
    } else {
        return None;
    }
    Some(payload)
}

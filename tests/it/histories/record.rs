//! Recording: a story is run, its history is freed of what names this machine, and kept if there is
//! none of the same shape yet.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use temporalio_client::WorkflowFetchHistoryOptions;
use workflows::EffectWatch;
use workflows::names::{TASK_QUEUE, workflow_id};

use super::stories;

/// Runs and records the stories of these names, with commas between them; every one if none has
/// that name.
pub async fn record(folder: &Path, wanted: &str) {
    fs::create_dir_all(folder).expect("a folder");
    let wanted: Vec<_> = wanted.split(',').collect();
    let is_one = |name: &&str| wanted.contains(name);
    let all = !stories::NAMES.iter().any(is_one);
    for name in stories::NAMES.into_iter().filter(|name| all || is_one(name)) {
        let (world, event_id) = stories::play(name).await;
        let client = world.temporal().await;
        let handle = client.get_workflow_handle::<EffectWatch>(workflow_id(event_id));
        let history = handle.fetch_history(WorkflowFetchHistoryOptions::default());
        keep_scrubbed(folder, name, &history.to_json().await.expect("a history"));
    }
}

/// Keeps a history, freed of what names this machine.
pub(super) fn keep_scrubbed(folder: &Path, name: &str, json: &[u8]) {
    let mut history: Value = serde_json::from_slice(json).expect("JSON");
    scrub(&mut history);
    keep(folder, name, &history);
}

/// Writes a history to the first free name, unless one of the same shape is there.
fn keep(folder: &Path, name: &str, history: &Value) {
    let new = shape(history);
    let names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}_{n}")));
    for path in names.map(|name| folder.join(format!("{name}.json"))) {
        match fs::read(&path) {
            Err(_) => return fs::write(path, lines(history)).expect("a written history"),
            Ok(old) => {
                let old: Value = serde_json::from_slice(&old).expect("JSON");
                if shape(&old) == new {
                    return;
                }
            }
        }
    }
}

/// What happened, in order, and which activities and signals it was about.
fn shape(history: &Value) -> Vec<String> {
    let events = history["events"].as_array().expect("events");
    let what = |event: &Value| {
        let (kind, attributes) = event["attributes"].as_object()?.iter().next()?;
        let about = [&attributes["activity_type"]["name"], &attributes["signal_name"]];
        Some(format!("{kind} {about:?}"))
    };
    events.iter().map(|event| what(event).expect("attributes")).collect()
}

/// One event on a line, so that a difference can be read.
fn lines(history: &Value) -> String {
    let events = history["events"].as_array().expect("events");
    let events: Vec<String> = events.iter().map(Value::to_string).collect();
    format!("{{\"events\":[\n{}\n]}}\n", events.join(",\n"))
}

/// Replaces what names the machine, and leaves out what may be left out.
fn scrub(value: &mut Value) {
    match value {
        Value::Object(fields) => scrub_fields(fields),
        Value::Array(values) => values.iter_mut().for_each(scrub),
        _ => {}
    }
}

fn scrub_fields(fields: &mut Map<String, Value>) {
    for (name, value) in fields.iter_mut() {
        match (name.as_str(), value) {
            ("identity", value) if *value != "" => *value = "worker".into(),
            ("buildId", value) => *value = "build".into(),
            ("task_queue", Value::Object(queue)) => {
                let sticky = queue.get("kind") == Some(&Value::from(2));
                queue.insert("name".to_owned(), if sticky { "sticky" } else { TASK_QUEUE }.into());
                queue.insert("normal_name".to_owned(), if sticky { TASK_QUEUE } else { "" }.into());
            }
            (_, value) => scrub(value),
        }
    }
    fields.retain(|_, value| !value.is_null());
}

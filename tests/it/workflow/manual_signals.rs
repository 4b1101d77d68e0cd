//! Signals typed at the `temporal` command line, well or badly: each is recorded, under an id that
//! stays the same however many attempts its activity takes.

use domain::ids::EventId;
use e2e::run;
use e2e::scripted::{Call, Reply, Script, ScriptedWorker};
use serde_json::{Value, json};
use workflows::names::workflow_id;

use super::{HALF_AN_HOUR, finished, not_yet_due, open, resolved, skip_time, state_is};

/// Signals with bytes that need not be JSON.
async fn type_badly(worker: &ScriptedWorker, event_id: EventId, name: &str, input: &str) {
    let id = workflow_id(event_id);
    let arguments = [
        "workflow",
        "signal",
        "--workflow-id",
        &id,
        "--name",
        name,
        "--input",
        input,
        "--input-meta",
        "encoding=binary/plain",
    ];
    worker.engines.cli(&arguments).await.expect("a signal");
}

/// Asserts that these runs are attempts of one call, and gives the id under `key`.
fn one_id(runs: &[Call], key: &str) -> String {
    assert!(runs.iter().all(|run| run.input == runs[0].input), "{runs:?}");
    assert!(runs.iter().zip(1..).all(|(run, attempt)| run.attempt == attempt), "{runs:?}");
    runs[0].input[key].as_str().expect("an id").to_owned()
}

fn all_differ(ids: &[String], prefix: &str) {
    assert!(ids.iter().all(|id| id.starts_with(prefix)), "{ids:?}");
    assert!(ids.iter().enumerate().all(|(n, id)| !ids[..n].contains(id)), "{ids:?}");
}

#[test]
fn each_reprocess_signal_is_recorded_under_an_id_of_its_own() {
    run(async {
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(open()))
            .on("request_reprocess", Reply::retry())
            .on("request_reprocess", Reply::retry())
            .on("request_reprocess", Reply::stands(open()))
            .on("request_reprocess", Reply::stands(open()))
            .on("request_reprocess", Reply::stands(open()))
            .on("request_reprocess", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        skip_time(&worker, event_id).await;
        state_is(&worker, event_id, "open").await;

        let inputs = [
            None,
            Some(json!([1])),
            Some(json!({
                "requested_by": "alice", "note": "queue was down", "colour": "blue"
            })),
        ];
        for input in inputs {
            worker.engines.signal(event_id, "reprocess", input).await.expect("a signal");
        }
        type_badly(&worker, event_id, "reprocess", "alice, please").await;
        finished(&worker, event_id).await;

        let runs = worker.calls_of("request_reprocess");
        let ids: Vec<String> = [&runs[..3], &runs[3..4], &runs[4..5], &runs[5..]]
            .iter()
            .map(|runs| one_id(runs, "replay_id"))
            .collect();
        all_differ(&ids, "rpl_");
        let request = |run: &Call| (run.input["requested_by"].clone(), run.input["note"].clone());
        let nothing = (Value::Null, Value::Null);
        assert_eq!(request(&runs[0]), nothing);
        assert_eq!(request(&runs[3]), nothing);
        assert_eq!(request(&runs[4]), (json!("alice"), json!("queue was down")));
        assert_eq!(request(&runs[5]), nothing);
    });
}

#[test]
fn a_typed_result_is_handed_on_with_the_fields_of_a_result_and_the_watch_waits_on() {
    run(async {
        let typed = [
            Value::Null,
            json!("success"),
            json!({"status": "failed", "error_code": "db_write_failed", "colour": "blue"}),
            json!({"status": "success"}),
        ];
        let script = Script::new()
            .on("record_result", Reply::retry())
            .on("record_result", Reply::stands(not_yet_due(HALF_AN_HOUR)))
            .on("record_result", Reply::stands(not_yet_due(HALF_AN_HOUR)))
            .on("record_result", Reply::stands(open()))
            .on("record_result", Reply::stands(open()))
            .on("record_result", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        worker.engines.signal(event_id, "result", None).await.expect("a signal");
        for body in &typed[1..3] {
            worker.engines.signal(event_id, "result", Some(body.clone())).await.expect("a signal");
        }
        type_badly(&worker, event_id, "result", "{\"status\":").await;
        worker.engines.signal(event_id, "result", Some(typed[3].clone())).await.expect("a signal");
        finished(&worker, event_id).await;

        let runs = worker.calls();
        assert!(runs.iter().all(|run| run.activity == "record_result"), "{runs:?}");
        let first = one_id(&runs[..2], "result_id");
        let bodies: Vec<_> = runs[1..].iter().map(|run| run.input["body"].clone()).collect();
        let [nothing, _text, mut failure, success] = typed;
        // What no result has is noted and not handed on.
        failure.as_object_mut().expect("an object").remove("colour");
        assert_eq!(bodies, [nothing, Value::Null, failure, Value::Null, success]);
        let ids: Vec<_> = (2..6).map(|n| one_id(&runs[n..=n], "result_id")).collect();
        all_differ(&[&[first], &ids[..]].concat(), "res_");
    });
}

#[test]
fn a_typed_resolution_needs_no_words() {
    run(async {
        let script = Script::new()
            .on("resolve_incident", Reply::stands(not_yet_due(HALF_AN_HOUR)))
            .on("open_incident_if_due", Reply::stands(open()))
            .on("resolve_incident", Reply::retry())
            .on("resolve_incident", Reply::stands(open()))
            .on("resolve_incident", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        worker.engines.signal(event_id, "resolve", None).await.expect("a signal");
        worker.wait_for("resolve_incident", 1).await;
        skip_time(&worker, event_id).await;
        state_is(&worker, event_id, "open").await;
        type_badly(&worker, event_id, "resolve", "done").await;
        let input = json!({"resolved_by": "bob", "note": "credited by hand", "colour": "blue"});
        worker.engines.signal(event_id, "resolve", Some(input)).await.expect("a signal");
        finished(&worker, event_id).await;

        let runs = worker.calls_of("resolve_incident");
        assert_eq!(runs[1].input, runs[2].input);
        assert_eq!(runs[2].input["resolved_by"], Value::Null);
        let resolution = [&runs[3].input["resolved_by"], &runs[3].input["note"]];
        assert_eq!(resolution, ["bob", "credited by hand"]);
        let id = |run: &Call| run.input["entry_id"].as_str().expect("an id").to_owned();
        all_differ(&[id(&runs[0]), id(&runs[1]), id(&runs[3])], "aud_");
    });
}

//! A trial calls the extension for real and says what the answer would count as.

use std::time::Duration;

use domain::signature::{Signed, SigningSecret, verify_sp_signature};
use e2e::{World, run};
use serde_json::{Value, json};

use super::worker::{Deed, take_one};
use super::{add, add_probe};

/// Tries it by the command line while a worker takes one task.
async fn tried(world: &World, arguments: &[&str], deed: Deed) -> (i32, Value, (String, Value)) {
    let command = [&["extension", "trial"], arguments].concat();
    let (printed, taken) = tokio::join!(world.cli(&command), take_one(world, deed));
    let (code, printed) = printed.expect("a command");
    (code, printed, taken)
}

#[test]
fn a_trial_says_what_the_answer_would_count_as_and_changes_nothing() {
    run(async {
        let world = World::start_without_worker().await;
        let id = add_probe(&world).await;
        let deed = Deed::Answer(br#"{"settled":true,"evidence":{"charge":"ch_1"}}"#);
        let (code, trial, (activity, input)) = tried(&world, &[&id, "--example"], deed).await;
        assert_eq!(code, 0, "{trial}");
        assert_eq!(activity, "credits.verify");
        assert_eq!(input["internal_reference"], "sendpromptly-trial");
        assert_eq!(
            (&input["contract"], &input["point"]),
            (&json!("2026-12-01"), &json!("before_incident"))
        );
        let fields: Vec<_> = trial.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["answer", "latency_ms", "valid", "would_count_as"]);
        assert_eq!(trial["answer"], json!({"settled": true, "evidence": {"charge": "ch_1"}}));
        assert_eq!((&trial["valid"], &trial["would_count_as"]), (&json!(true), &json!("settled")));

        let event = world.receipt("evt_1").await;
        let deed = Deed::Answer(br#"{"settled":false}"#);
        let (_, trial, (_, input)) =
            tried(&world, &[&id, "--event", &event.to_string()], deed).await;
        assert_eq!(trial["would_count_as"], "not_settled");
        assert_eq!(input["event_id"], json!(event));
        assert_eq!(world.timeline(event).await, ["receipt.accepted"]);
        let calls: i64 = sqlx::query_scalar("SELECT count(*) FROM extension_calls")
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        assert_eq!(calls, 0);
    });
}

#[test]
fn what_is_no_answer_is_said_and_ends_with_1() {
    run(async {
        let world = World::start_without_worker().await;
        let id = add_probe(&world).await;
        for (deed, problem) in [
            (Deed::Answer(b"{}"), "settled is required"),
            (Deed::Answer(b"null"), "must be a JSON object"),
            (Deed::Fail("ValueError"), "It failed with ValueError"),
        ] {
            let (code, trial, _) = tried(&world, &[&id], deed).await;
            assert_eq!((code, &trial["valid"]), (1, &json!(false)), "{trial}");
            assert_eq!(trial["would_count_as"], "unanswered");
            let said = trial["problem"].as_str().expect("a sentence");
            assert!(said.contains(problem) && !said.contains("secret"), "{said}");
        }
        let tried = "SELECT detail ->> 'outcome' FROM audit_entries WHERE action = 'extension.tried' ORDER BY at";
        let tried: Vec<String> =
            sqlx::query_scalar(tried).fetch_all(&world.pool).await.expect("the audit");
        assert_eq!(tried, ["unreadable", "unreadable", "failed (ValueError)"]);
    });
}

#[test]
fn without_a_worker_a_trial_ends_soon_and_says_so() {
    run(async {
        let world = World::start_without_worker().await;
        let id = add_probe(&world).await;
        let (code, trial) = world.cli(&["extension", "trial", &id]).await.expect("a command");
        assert_eq!((code, &trial["answer"]), (1, &Value::Null), "{trial}");
        let said = trial["problem"].as_str().expect("a sentence");
        assert!(said.starts_with("No worker took the task."), "{said}");
    });
}

#[test]
fn an_endpoint_gets_a_signed_request_that_its_own_secret_verifies() {
    run(async {
        let world = World::start_without_worker().await;
        let (code, added) = add(&world, "reprocess", &["--url", world.repair.url()]).await;
        assert_eq!((code, &added["queue"]), (0, &Value::Null), "{added}");
        let secret = added["signing_secret"].as_str().expect("a secret");
        let secret = SigningSecret::parse(secret).expect("a secret");
        let id = added["extension_id"].as_str().expect("an id");

        world.repair.respond_with_body(200, r#"{"outcome":"applied"}"#);
        let (code, trial) = world.cli(&["extension", "trial", id]).await.expect("a command");
        assert_eq!((code, &trial["would_count_as"]), (0, &json!("applied")), "{trial}");
        let request = world.repair.wait_for(1).await.remove(0);
        let header = |name: &str| {
            let line = request.head.lines().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            });
            line.expect(name)
        };
        let (call, nonce) = (header("webhook-id"), header("x-sp-nonce"));
        let timestamp = header("x-sp-timestamp").parse().expect("a number");
        let signed = Signed { id: &call, timestamp, nonce: &nonce, body: &request.body };
        assert!(verify_sp_signature(&secret, &header("x-sp-signature"), signed));
        assert_eq!(request.json()["call_id"], json!(call));

        world.repair.respond_with_body(500, "oops");
        let (code, trial) = world.cli(&["extension", "trial", id]).await.expect("a command");
        assert_eq!((code, &trial["problem"]), (1, &json!("It responded with 500.")));

        let event = world.receipt("evt_1").await.to_string();
        let (code, rejected) =
            world.cli(&["extension", "trial", id, "--event", &event]).await.expect("a command");
        assert_eq!((code, &rejected["error"]["code"]), (1, &json!("validation_error")));
        assert_eq!(world.repair.received().len(), 2, "nothing was asked to do its work");
    });
}

#[test]
fn an_endpoint_that_is_too_slow_about_an_event_is_too_slow_in_a_trial() {
    run(async {
        let world = World::start_without_worker().await;
        let endpoint = ["--url", world.repair.url(), "--budget", "5s"];
        let (_, added) = add(&world, "reprocess", &endpoint).await;
        let id = added["extension_id"].as_str().expect("an id");
        world.repair.respond_with_body(200, r#"{"outcome":"applied"}"#);
        world.repair.hang_next(Duration::from_millis(4_500));
        let (code, trial) = world.cli(&["extension", "trial", id]).await.expect("a command");
        let said = trial["problem"].as_str().expect("a sentence");
        assert!(code == 1 && said.starts_with("It did not answer in time"), "{trial}");
    });
}

#[test]
fn doctor_says_that_no_worker_polls_and_that_the_extension_does_not_answer() {
    run(async {
        let world = World::start_without_worker().await;
        add_probe(&world).await;
        let project = world.project.id.to_string();
        let doctor = ["doctor", "--project", &project, "--no-round-trip"];
        let (code, report) = world.cli(&doctor).await.expect("a command");
        let said = |name: &str| {
            let checks = report["checks"].as_array().expect("checks");
            let check = checks.iter().find(|check| check["name"] == name);
            let check = check.unwrap_or_else(|| panic!("no {name}: {report}"));
            (check["status"].clone(), check["message"].to_string())
        };
        assert_eq!(code, 1);
        let (status, message) = said("extension_worker");
        assert!(status == "fail" && message.contains("no worker polls"), "{message}");
        let (status, message) = said("extension_trial");
        assert!(status == "fail" && message.contains("No worker took the task."), "{message}");
    });
}

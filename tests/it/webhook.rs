//! Webhooks: signed so that code which is not ours verifies them, and sent until they are taken.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use activities::alerts::deliver;
use activities::waiting;
use domain::ids::{AlertId, DestinationId, EventId};
use domain::operator::Role;
use domain::signature::SigningSecret;
use e2e::console::Operator;
use e2e::receiver::Received;
use e2e::{Receiver, World, run};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use standardwebhooks::Webhook;
use store::destinations::{Target, list_destinations};

use crate::clients::{ask, interpreters};

const DOCUMENT: &str = include_str!("../../docs/webhooks.md");

/// A receiver that alerts go to, and the secret that it verifies with.
async fn receiver(world: &World) -> (Receiver, String) {
    let receiver = Receiver::start().await.expect("a receiver");
    let secret = SigningSecret::from_bytes([7; 32]);
    let shown = secret.reveal();
    let target = Target::Webhook { url: receiver.url().to_owned(), secrets: vec![secret] };
    world.add_destination(&target, "127.0.0.1").await;
    (receiver, shown)
}

async fn only_destination(world: &World) -> DestinationId {
    let all = list_destinations(&world.pool, Some(world.project.id)).await.expect("a list");
    assert_eq!(all.len(), 1);
    all[0].id
}

async fn pending(world: &World, event_id: EventId) -> Vec<AlertId> {
    store::alerts::list_pending(&world.pool, event_id).await.expect("a list")
}

/// Lets time pass for what waits, and does what a worker does then.
async fn pass(world: &World, interval: &str) {
    world.age_alerts(interval).await;
    world.send_waiting().await;
}

async fn change(world: &World, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&world.pool).await.expect("a database");
}

/// Lets Postgres reject every note that a message of this table was taken, as a full disk does.
pub async fn reject_notes(world: &World, table: &str) {
    let sql = format!(
        "CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$;
         CREATE TRIGGER reject BEFORE UPDATE OF state ON {table} FOR EACH ROW
             WHEN (NEW.state = 'delivered') EXECUTE FUNCTION reject();"
    );
    change(world, sql).await;
}

/// Undoes [`reject_notes`].
pub async fn take_notes_again(world: &World, table: &str) {
    change(world, format!("DROP TRIGGER reject ON {table}")).await;
}

/// How many attempts at the only alert began, and how many of the last ones left no note.
async fn attempts(world: &World) -> (i32, i32) {
    let sql = "SELECT attempts, unnoted_attempts FROM alerts";
    sqlx::query_as(sql).fetch_one(&world.pool).await.expect("one alert")
}

/// The only destination has taken all that it got, so it does not fail.
async fn assert_works(world: &World) {
    let all = list_destinations(&world.pool, Some(world.project.id)).await.expect("a list");
    assert_eq!((all[0].failing_since, all[0].failures), (None, 0));
}

async fn failed(world: &World, provider_event_id: &str) -> EventId {
    let event_id = world.receipt(provider_event_id).await;
    let error = json!({"error_code": "account_locked", "error_message": "canary-7f3a91"});
    world.result(event_id, "failed", error).await;
    event_id
}

/// Whether a receiver with this secret accepts a message, by code that is not ours.
pub fn verifies(secret: &str, message: &Received) -> bool {
    let library = Webhook::new(secret).expect("a secret that the library takes");
    library.verify(&message.body, &message.headers).is_ok()
}

/// A sample of the document.
fn sample(language: &str) -> &'static str {
    let start = format!("\n```{language}\n");
    let code = DOCUMENT.split(&start).nth(1).expect("a sample");
    code.split("\n```").next().expect("its end")
}

/// Runs a sample on a message; what it made of it, or nothing if it rejects the message.
#[expect(clippy::too_many_lines, reason = "a sample in each language")]
fn read(language: &str, secret: &str, message: &Received, body: &[u8]) -> Option<Value> {
    let headers: BTreeMap<_, _> =
        message.headers.keys().map(|name| (name.as_str(), message.header(name.as_str()))).collect();
    let body = std::str::from_utf8(body).expect("text");
    let arguments = json!([secret, headers, body]).to_string();
    let code = sample(language);
    let libraries = || PathBuf::from(ask("install_test_libraries.py"));
    let folder = tempfile::tempdir().expect("a folder");
    let (name, program) = match language {
        "python" => (
            "read.py",
            format!(
                "{code}\nimport sys\nsecret, headers, body = json.loads(sys.argv[1])\n\
                 print(json.dumps(read(secret, headers, body.encode())))\n"
            ),
        ),
        "js" => (
            "read.mjs",
            format!("{code}\nconsole.log(JSON.stringify(read(...JSON.parse(process.argv[2]))));\n"),
        ),
        "ruby" => ("read.rb", format!("{code}\nputs JSON.generate(read(*JSON.parse(ARGV[0])))\n")),
        "php" => (
            "read.php",
            format!("<?php\n{code}\necho json_encode(read(...json_decode($argv[1], true)));\n"),
        ),
        other => panic!("no way to run {other}"),
    };
    let path = folder.path().join(name);
    std::fs::write(&path, program).expect("a file");
    let mut command = match language {
        "python" => {
            let mut python = std::process::Command::new("python3");
            python.env("PYTHONPATH", libraries().join("python"));
            python
        }
        "js" => {
            let modules = libraries().join("node/node_modules");
            std::os::unix::fs::symlink(modules, folder.path().join("node_modules"))
                .expect("a link");
            std::process::Command::new("node")
        }
        other => std::process::Command::new(&interpreters()[other]),
    };
    let output = command.arg(&path).arg(arguments).output().expect("an interpreter");
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Some(serde_json::from_str(printed.trim()).expect("JSON"));
    }
    let said = format!("{printed}{}", String::from_utf8_lossy(&output.stderr));
    let rejects = ["WebhookVerificationError", "not ours, or too old"];
    assert!(rejects.iter().any(|words| said.contains(words)), "{language}: {said}");
    None
}

#[test]
fn each_documented_sample_reads_a_message_and_rejects_a_forged_one() {
    run(async {
        let world = World::start().await;
        let (receiver, secret) = receiver(&world).await;
        let event_id = failed(&world, "evt_1").await;
        let message = receiver.wait_for(1).await.remove(0);
        let forged = String::from_utf8(message.body.clone()).expect("text");
        let forged = forged.replace("user_456", "user_457");
        for language in ["python", "js", "ruby", "php"] {
            let found = read(language, &secret, &message, &message.body);
            let found = found.unwrap_or_else(|| panic!("{language} rejects what is ours"));
            assert_eq!(found["data"]["event_id"], event_id.to_string(), "{language}");
            assert_eq!(read(language, &secret, &message, forged.as_bytes()), None, "{language}");
        }
    });
}

#[test]
fn an_incident_is_told_from_its_opening_to_its_end_with_ids_and_facts_only() {
    run(async {
        let world = World::start().await;
        let (receiver, secret) = receiver(&world).await;
        let event_id = failed(&world, "evt_1").await;
        receiver.wait_for(1).await;
        world.result(event_id, "success", json!({})).await;
        let messages = receiver.wait_for(2).await;
        let bodies: Vec<_> = messages.iter().map(Received::json).collect();
        let types: Vec<_> = bodies.iter().map(|body| body["type"].as_str()).collect();
        assert_eq!(types, [Some("incident.opened"), Some("incident.resolved")]);
        for (message, body) in messages.iter().zip(&bodies) {
            assert!(verifies(&secret, message), "{body}");
            assert_eq!(message.header("webhook-id"), body["id"]);
            assert_eq!(body["data"]["project_id"], world.project.id.to_string());
            assert_eq!(
                body["data"]["reason"],
                json!({"kind": "failed_result", "error_code": "account_locked"})
            );
            assert!(!body.to_string().contains("canary"), "{body}");
        }
        assert_ne!(bodies[0]["id"], bodies[1]["id"]);
        assert_eq!(bodies[1]["data"]["resolution"], "late_success");
        let url = bodies[0]["data"]["url"].as_str().expect("a URL");
        assert!(url.ends_with(bodies[0]["data"]["incident_id"].as_str().expect("an id")), "{url}");
    });
}

#[test]
fn a_message_that_is_not_taken_comes_again_under_its_id() {
    run(async {
        let world = World::start_without_worker().await;
        let (receiver, secret) = receiver(&world).await;
        receiver.respond_with(&[500, 302]);
        receiver.redirect_to("https://evil.example/");
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        world.deliver_alerts(&[event_id]).await;
        assert_eq!(receiver.received().len(), 1, "it is left alone for 30 s");
        for _ in 0..2 {
            pass(&world, "2 minutes").await;
        }
        let messages = receiver.received();
        assert_eq!(messages.len(), 3);
        for message in &messages {
            assert_eq!(message.header("webhook-id"), messages[0].header("webhook-id"));
            assert!(verifies(&secret, message));
        }
        let nonces: std::collections::BTreeSet<_> =
            messages.iter().map(|message| message.header("x-sp-nonce")).collect();
        assert_eq!(nonces.len(), 3, "each attempt has its own");
        assert_eq!(pending(&world, event_id).await, []);
    });
}

#[test]
fn a_worker_that_dies_after_it_sent_sends_the_same_id_again() {
    run(async {
        let world = World::start_without_worker().await;
        let (receiver, secret) = receiver(&world).await;
        let event_id = failed(&world, "evt_1").await;
        let alert = pending(&world, event_id).await.remove(0);
        // The response is still to come when the worker goes.
        receiver.hang_next(Duration::from_secs(30));
        let deps = world.deps();
        let dying = tokio::spawn(async move { deliver(&deps, alert).await });
        receiver.wait_for(1).await;
        dying.abort();
        assert!(dying.await.expect_err("cut off").is_cancelled());
        assert_eq!(pending(&world, event_id).await, [alert], "nothing was noted");
        pass(&world, "10 minutes").await;
        let messages = receiver.received();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0].header("webhook-id"), alert.to_string());
        assert_eq!(messages[1].header("webhook-id"), alert.to_string());
        assert!(verifies(&secret, &messages[1]));
        assert_eq!(pending(&world, event_id).await, []);
    });
}

#[test]
fn a_message_whose_note_fails_again_and_again_keeps_its_id_and_is_noted_once() {
    run(async {
        let world = World::start_without_worker().await;
        let (receiver, secret) = receiver(&world).await;
        let event_id = failed(&world, "evt_1").await;
        let alert = pending(&world, event_id).await.remove(0);
        let (deps, id) = (world.deps(), only_destination(&world).await);
        reject_notes(&world, "alerts").await;
        deliver(&deps, alert).await.expect_err("not noted");
        for _ in 0..3 {
            deliver(&deps, alert).await.expect("left to its claim");
        }
        assert_eq!(receiver.received().len(), 1, "what Temporal repeats sends nothing");
        for (sent, seconds) in [(2, 11), (3, 21), (4, 41)] {
            world.age_alerts(&format!("{} seconds", seconds - 5)).await;
            assert_eq!(waiting::list_destinations(&deps).await.expect("a list"), []);
            deliver(&deps, alert).await.expect("left to its claim, or put off");
            world.age_alerts("5 seconds").await;
            waiting::send_to(&deps, id, Duration::ZERO).await.expect_err("not noted");
            assert_eq!(receiver.received().len(), sent, "ever more time passes between two");
            assert_eq!(pending(&world, event_id).await, [alert], "neither sent nor lost");
        }
        assert_eq!(attempts(&world).await, (4, 4), "each is counted, whatever became of it");
        assert_works(&world).await;
        take_notes_again(&world, "alerts").await;
        for _ in 0..2 {
            pass(&world, "81 seconds").await;
        }
        assert_eq!(attempts(&world).await, (5, 0));
        let messages = receiver.received();
        assert_eq!(messages.len(), 5);
        for message in &messages {
            assert_eq!(message.header("webhook-id"), alert.to_string());
            assert!(verifies(&secret, message));
        }
        assert_eq!(pending(&world, event_id).await, []);
        let timeline = world.timeline(event_id).await;
        assert_eq!(timeline.iter().filter(|action| *action == "alert.delivered").count(), 1);
    });
}

#[test]
fn one_that_is_gone_for_good_is_broken_and_others_hear_of_it() {
    run(async {
        let world = World::start_without_worker().await;
        let (gone, _) = receiver(&world).await;
        let id = only_destination(&world).await;
        gone.respond_with(&[410, 410]);
        let (other, _) = receiver(&world).await;
        let event_id = failed(&world, "evt_1").await;
        world.deliver_alerts(&[event_id]).await;
        pass(&world, "9 minutes").await;
        assert_eq!(gone.received().len(), 1, "the confirming test comes after ten minutes");
        pass(&world, "11 minutes").await;
        assert_eq!(gone.received().len(), 2);
        assert_eq!(world.send_notices().await, 1);
        let notice = other.wait_for(2).await.remove(1).json();
        assert_eq!(notice["type"], "destination.broken");
        assert_eq!(notice["data"]["destination_id"], id.to_string());
        assert_eq!(notice["data"]["destination_kind"], "webhook");
    });
}

#[test]
fn the_console_adds_a_webhook_shows_its_secret_once_and_rotates_it() {
    run(async {
        let world = World::start_without_worker().await;
        let receiver = Receiver::start().await.expect("a receiver");
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}/destinations", world.project.id);
        let rejected =
            alice.submit(&page, &page, &[("webhook", "http://alerts.example.com/")]).await;
        assert_eq!(rejected.status, 422);
        assert_eq!(
            rejected.page().error("Webhook URL").as_deref(),
            Some("Must begin with https://.")
        );
        let form = [("webhook", receiver.url()), ("label", "PagerDuty")];
        let added = alice.submit(&page, &page, &form).await;
        assert_eq!(added.location.as_deref(), Some(page.as_str()), "{}", added.body);
        let shown = alice.page(&page).await;
        let message = shown.message().expect("a message");
        assert!(message.starts_with("Alerts now go to PagerDuty."), "{message}");
        let secret = |html: String| {
            let start = html.find("whsec_")?;
            html[start..].split(['<', '"']).next().map(str::to_owned)
        };
        let first = secret(shown.html()).expect("the secret, once");
        assert_eq!(secret(alice.page(&page).await.html()), None, "and not again");

        let to = alice.page(&page).await.button("Create a new secret of PagerDuty").action;
        assert_eq!(alice.submit(&page, &to, &[]).await.status, 303);
        let second = secret(alice.page(&page).await.html()).expect("the new one, once");
        assert_ne!(first, second);
        let test = alice.page(&page).await.button("Test PagerDuty").action;
        assert_eq!(alice.submit(&page, &test, &[]).await.status, 303);
        let message = receiver.wait_for(1).await.remove(0);
        assert!(verifies(&first, &message) && verifies(&second, &message));
        let audit = alice.page("/audit?action=secret.rotated").await.rows("Entries").join("\n");
        assert!(audit.contains("Signing secret rotated: PagerDuty"), "{audit}");
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        assert!(!viewer.page(&page).await.html().contains("Rotate secret"));
    });
}

//! The code samples of the Integration Test with their client files, run for real: the calls are
//! accepted, and the repair endpoint accepts what is ours, rejects what is not, and reports.

use std::process::Stdio;

use domain::callback::with_snapshot;
use domain::incident::{IncidentState, Resolution};
use domain::signature::{Signed, SigningSecret, sp_signature};
use domain::snapshot::MAX_SNAPSHOT;
use e2e::{World, eventually};
use reqwest::StatusCode;
use store::events::find_event;
use store::projects::{ProjectSettings, update_project};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::clients::{interpreters, root};

/// A language, and how its samples are run.
struct Language {
    name: &'static str,
    program: &'static str,
    client: &'static str,
    endpoint: &'static str,
    /// What makes both calls.
    calls: &'static [&'static str],
}

const PYTHON: Language = Language {
    name: "python",
    program: "python3",
    client: "python/sendpromptly.py",
    endpoint: "repair.py",
    calls: &[
        "-B",
        "-c",
        "import sendpromptly
client = sendpromptly.Client()
event = client.receipt(provider='stripe', provider_event_id='evt_1', event_type='invoice.paid',
    effect_type='credit_grant', internal_reference='user_456', occurred_at=1795269729)
client.result('failed', provider_event_id='evt_1', error=RuntimeError('disk full'), error_code='db_write_failed')
print(event['event_id'])",
    ],
};

const NODE: Language = Language {
    name: "node",
    program: "node",
    client: "node/sendpromptly.mjs",
    endpoint: "repair.mjs",
    calls: &[
        "--input-type=module",
        "-e",
        "import { Client } from './sendpromptly.mjs';
const client = new Client();
const event = await client.receipt({ provider: 'stripe', provider_event_id: 'evt_1', event_type: 'invoice.paid',
  effect_type: 'credit_grant', internal_reference: 'user_456', occurred_at: 1795269729 });
await client.result('failed', { provider_event_id: 'evt_1', error: new Error('disk full'), error_code: 'db_write_failed' });
console.log(event.event_id);",
    ],
};

/// The sample beside its client file, as in an app.
struct App {
    language: &'static Language,
    folder: TempDir,
}

impl App {
    fn new(language: &'static Language) -> Self {
        let root = root();
        let folder = tempfile::tempdir().expect("a folder");
        let sample = root
            .join("crates/console/templates/samples")
            .join(language.name)
            .join(language.endpoint);
        for file in [sample, root.join("clients").join(language.client)] {
            let name = file.file_name().expect("a name");
            std::fs::copy(&file, folder.path().join(name)).expect("a copy");
        }
        Self { language, folder }
    }

    fn command(&self, world: &World) -> Command {
        let mut command = Command::new(self.language.program);
        command
            .current_dir(self.folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "*")
            .env("no_proxy", "*")
            .env("SENDPROMPTLY_URL", &world.url)
            .env("SENDPROMPTLY_KEY", world.key.reveal())
            .env("SENDPROMPTLY_SECRET", world.secret.reveal())
            .env("SENDPROMPTLY_SPOOL", self.folder.path().join("spool"))
            .kill_on_drop(true);
        command
    }

    /// Starts the repair endpoint; it ends with what is given back.
    async fn serve(&self, world: &World) -> (Child, String) {
        let port = embedded::free_port().expect("a port");
        let mut command = self.command(world);
        let command = command.arg(self.language.endpoint).env("PORT", port.to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("the interpreter runs");
        eventually("the sample's repair endpoint", async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        (child, format!("http://127.0.0.1:{port}/repair"))
    }
}

/// A callback of our making.
struct Callback<'a> {
    secrets: &'a [SigningSecret],
    timestamp: i64,
    nonce: &'a str,
}

/// A probe, which no endpoint works on.
const PROBE: &str = r#"{"type":"probe","replay_id":"rpl_1"}"#;

async fn send(url: &str, callback: Callback<'_>, body: &str) -> StatusCode {
    let Callback { secrets, timestamp, nonce } = callback;
    let signed = Signed { id: "rpl_1", timestamp, nonce, body: body.as_bytes() };
    let signature = sp_signature(secrets, signed);
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client
        .post(url)
        .header("x-sp-timestamp", timestamp.to_string())
        .header("x-sp-nonce", nonce)
        .header("x-sp-signature", signature)
        .body(body.to_owned());
    request.send().await.expect("an answer").status()
}

async fn takes_what_is_ours_and_rejects_what_is_not(world: &World, url: &str) {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let ours = || vec![world.secret.clone()];
    let other = SigningSecret::from_bytes([7; 32]);
    for (what, secrets, timestamp, nonce, status) in [
        ("a good one", ours(), now, "a", 200),
        ("a nonce seen before", ours(), now, "a", 409),
        ("another secret", vec![other.clone()], now, "b", 401),
        ("a rotated secret", vec![other.clone(), world.secret.clone()], now, "b", 200),
        ("10 minutes old", ours(), now - 600, "c", 401),
        ("10 minutes ahead", ours(), now + 600, "c", 401),
        ("a nonce with a dot", ours(), now, "d.e", 401),
        ("no nonce", ours(), now, "", 401),
    ] {
        let response = send(url, Callback { secrets: &secrets, timestamp, nonce }, PROBE).await;
        assert_eq!(response, status, "{what}");
    }
    let snapshot = with_snapshot(PROBE, Some(&format!("{:?}", "x".repeat(MAX_SNAPSHOT))));
    let callback = Callback { secrets: &ours(), timestamp: now, nonce: "f" };
    assert_eq!(send(url, callback, &snapshot).await, 200, "the largest snapshot");
}

async fn goes_through_the_whole_story(language: &'static Language) {
    let world = World::start().await;
    let app = App::new(language);
    let (_endpoint, url) = app.serve(&world).await;
    let settings = ProjectSettings {
        repair_url: Some(url.clone()),
        ..ProjectSettings::from_project(&world.project)
    };
    update_project(&world.pool, world.project.id, &settings).await.expect("a repair URL");
    takes_what_is_ours_and_rejects_what_is_not(&world, &url).await;

    let output = app.command(&world).args(language.calls).output().await.expect("both calls");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let event_id = stdout.trim().parse().unwrap_or_else(|_| panic!("{}: {stderr}", language.name));
    let event = find_event(&world.pool, event_id).await.expect("a database").expect("the event");
    assert_eq!(event.internal_reference, "user_456");
    let open = world.incident_when(event_id, "open", |one| one.state == IncidentState::Open).await;
    assert_eq!(open.error.code.as_deref(), Some("db_write_failed"));

    world.reprocess(open.id).await;
    let resolved =
        world.incident_when(event_id, "resolved", |one| one.state == IncidentState::Resolved).await;
    assert_eq!(resolved.resolution, Some(Resolution::Reprocessed), "{}", language.name);
}

#[test]
fn the_python_sample_goes_through_the_whole_story() {
    e2e::run(goes_through_the_whole_story(&PYTHON));
}

#[test]
fn the_node_sample_does_too_where_there_is_a_node() {
    let found = std::process::Command::new(NODE.program).arg("--version").output();
    if found.is_ok() {
        e2e::run(goes_through_the_whole_story(&NODE));
    }
}

/// Both calls in one line of PHP and of Ruby, beside the client file.
const LINES: [(&str, &str, [&str; 2]); 2] = [
    (
        "php",
        "php/SendPromptly.php",
        [
            "-r",
            "require 'SendPromptly.php'; $client = new SendPromptly\\Client();
$event = $client->receipt(['provider' => 'stripe', 'provider_event_id' => 'evt_1', 'event_type' => 'invoice.paid',
    'effect_type' => 'credit_grant', 'internal_reference' => 'user_456', 'occurred_at' => 1795269729]);
$client->result('failed', ['provider_event_id' => 'evt_1', 'error' => new RuntimeException('disk full')]);
echo $event['event_id'];",
        ],
    ),
    (
        "ruby",
        "ruby/sendpromptly.rb",
        [
            "-e",
            "require './sendpromptly'; client = SendPromptly.new
event = client.receipt(provider: 'stripe', provider_event_id: 'evt_1', event_type: 'invoice.paid',
    effect_type: 'credit_grant', internal_reference: 'user_456', occurred_at: 1795269729)
client.result('failed', provider_event_id: 'evt_1', error: RuntimeError.new('disk full'))
print event['event_id']",
        ],
    ),
];

#[test]
fn the_php_and_ruby_clients_reach_the_product() {
    e2e::run(async {
        let interpreters = interpreters();
        for (name, client, line) in LINES {
            let world = World::start().await;
            let folder = tempfile::tempdir().expect("a folder");
            let file = root().join("clients").join(client);
            let to = folder.path().join(file.file_name().expect("a name"));
            std::fs::copy(&file, to).expect("a copy");
            let mut command = Command::new(&interpreters[name]);
            let output = command
                .current_dir(folder.path())
                .args(line)
                .env("no_proxy", "*")
                .env("NO_PROXY", "*")
                .env("SENDPROMPTLY_URL", &world.url)
                .env("SENDPROMPTLY_KEY", world.key.reveal())
                .env("SENDPROMPTLY_SPOOL", folder.path().join("spool"))
                .output()
                .await
                .expect("both calls");
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let event_id =
                stdout.trim().parse().unwrap_or_else(|_| panic!("{name}: {stdout} {stderr}"));
            let open =
                world.incident_when(event_id, "open", |one| one.state == IncidentState::Open).await;
            assert_eq!(
                open.error.code.as_deref(),
                Some("RuntimeException").filter(|_| name == "php").or(Some("RuntimeError"))
            );
            assert_eq!(open.error.message.as_deref(), Some("disk full"));
        }
    });
}

//! `docs/operations.md` by the letter: its commands, on an empty machine, end in a product that
//! opens an incident and mails it. Before each step, `doctor` names what that step makes.
//!
//! Only what the document says is to be replaced is replaced: secrets and ids (`…`), and hosts
//! below `example.com`. The shop's host stays, and so does the failure of its repair endpoint.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use domain::api_key::ApiKey;
use e2e::mailbox::Mailbox;
use e2e::{binary, eventually, run};
use embedded::{EngineDirs, Engines, Postgres, PostgresBins, Temporal, TemporalOptions, Version};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::clients::ask;

const DOCUMENT: &str = include_str!("../../docs/operations.md");

/// The one block of the set-up that holds this text.
fn block(words: &str) -> String {
    let setup = DOCUMENT.split("\n## Production set-up").nth(1).expect("the set-up");
    let setup = setup.split("\n## ").next().expect("its end");
    let blocks: Vec<_> = setup.split("\n```").skip(1).step_by(2).collect();
    let found: Vec<_> = blocks.iter().filter(|block| block.contains(words)).collect();
    assert_eq!(found.len(), 1, "one block with {words}: {found:?}");
    found[0].split_once('\n').expect("a language").1.to_owned()
}

/// An empty machine: servers without anything in them.
struct Machine {
    postgres: Postgres,
    psql: PathBuf,
    temporal: Temporal,
    mailbox: Mailbox,
    folder: tempfile::TempDir,
    listen: String,
    path: String,
    /// The `export` lines so far.
    settings: String,
}

impl Machine {
    async fn start(bins: Option<PostgresBins>) -> Self {
        let found =
            Engines::locate(&EngineDirs::from_env().expect("places")).await.expect("engines");
        let bins = bins.unwrap_or_else(|| found.postgres.clone());
        let folder = embedded::scratch_dir().expect("a folder");
        let port = || embedded::free_port().expect("a port");
        let options = TemporalOptions::new(port(), folder.path().join("temporal.log"));
        let programs = [binary::path().expect("the binary"), found.temporal.path.clone()];
        let programs = programs.map(|program| program.parent().expect("a folder").to_owned());
        let path = [programs[0].display(), programs[1].display()];
        Self {
            postgres: Postgres::start_throw_away(&bins).await.expect("Postgres"),
            psql: bins.dir.join("psql"),
            temporal: Temporal::start(&found.temporal, options).await.expect("Temporal"),
            mailbox: Mailbox::start().await,
            listen: format!("127.0.0.1:{}", port()),
            path: format!("{}:{}:/usr/bin:/bin", path[0], path[1]),
            folder,
            settings: String::new(),
        }
    }

    /// Replaces what the document says is to be replaced.
    fn fill(&self, text: &str) -> String {
        let database = format!("127.0.0.1:{}/sendpromptly", self.postgres.port());
        let key = store::MasterKey::generate();
        [
            ("db.example.com:5432/sendpromptly?sslmode=verify-full", database.as_str()),
            ("temporal.example.com:7233", &self.temporal.address()),
            ("https://sendpromptly.example.com", &format!("http://{}", self.listen)),
            ("smtps://sendpromptly:…@mail.example.com", &self.mailbox.url()),
            ("MASTER_KEY='…'", &format!("MASTER_KEY='{key}'")),
            ("…", "secret"),
        ]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    async fn sql(&self, role: &str, database: &str, text: &str) {
        let url = match role {
            "postgres" => self.postgres.url(database),
            role => {
                format!("postgres://{role}:secret@127.0.0.1:{}/{database}", self.postgres.port())
            }
        };
        let mut psql = Command::new(&self.psql)
            .args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", &url])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("psql");
        let mut input = psql.stdin.take().expect("an input");
        input.write_all(self.fill(text).as_bytes()).await.expect("written");
        drop(input);
        let output = psql.wait_with_output().await.expect("an end");
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn shell(&self, text: &str) -> Command {
        let script = format!("set -eu\n{}\n{text}", self.settings);
        let mut command = Command::new("bash");
        command
            .args(["-c", &script])
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.folder.path())
            .env("SENDPROMPTLY_LISTEN", &self.listen)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn sh(&self, text: &str) -> Output {
        self.shell(&self.fill(text)).output().await.expect("a shell")
    }

    /// Runs what must succeed; gives what it printed.
    async fn done(&self, text: &str) -> String {
        let output = self.sh(text).await;
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert!(output.status.success(), "{text}: {printed}");
        printed
    }

    /// Keeps the `export` lines of a block for every later command; gives the rest.
    fn export(&mut self, block: &str) -> String {
        let filled = self.fill(block);
        let (exports, rest): (Vec<_>, Vec<_>) =
            filled.lines().partition(|line| line.starts_with("export "));
        self.settings = format!("{}\n{}", self.settings, exports.join("\n"));
        rest.join("\n")
    }

    fn spawn(&self, part: &str) -> Child {
        // `exec`, so that what is killed in the end is the part and not its shell.
        let mut command = self.shell(&format!("exec sendpromptly {part}"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process")
    }

    async fn doctor(&self) -> Value {
        let output = self.sh("sendpromptly doctor --json").await;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
    }

    /// How `doctor` judges one check.
    async fn status(&self, name: &str) -> String {
        let doctor = self.doctor().await;
        let checks = doctor["checks"].as_array().expect("checks").iter();
        let check = checks.clone().find(|check| check["name"] == name);
        let check = check.unwrap_or_else(|| panic!("no {name}: {doctor}"));
        check["status"].as_str().expect("a status").to_owned()
    }

    async fn is_well(&self, name: &str) {
        let what = format!("{name} to be well");
        eventually(&what, async || (self.status(name).await == "pass").then_some(())).await;
    }
}

/// The first word of a text that begins so.
fn word(text: &str, prefix: &str) -> String {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let found = words.find(|word| word.starts_with(prefix) && word.len() > prefix.len() + 8);
    found.unwrap_or_else(|| panic!("no {prefix} in {text}")).to_owned()
}

/// The database, its roles and its schema.
async fn set_up_postgres(machine: &Machine) {
    // Clusters of ours begin with a database of this name; an empty machine has none.
    machine.sql("postgres", "postgres", "DROP DATABASE sendpromptly").await;
    machine.sql("postgres", "postgres", &block("CREATE ROLE")).await;
    assert_eq!(machine.status("database").await, "fail", "no migrate");
    let migrate = block("sendpromptly_owner:…@");
    machine.done(&migrate.replace("--grant-to sendpromptly", "")).await;
    assert_eq!(machine.status("privileges").await, "fail", "no grants");
    let everything = "GRANT ALL ON ALL TABLES IN SCHEMA public TO sendpromptly;";
    machine.sql("sendpromptly_owner", "sendpromptly", everything).await;
    assert_eq!(machine.status("privileges").await, "warn", "too much");
    machine.done(&migrate).await;
    machine.is_well("schema").await;
    machine.is_well("privileges").await;
}

/// Everything up to the first project; each step is missed by name before it is made.
async fn set_up(machine: &mut Machine) -> Vec<Child> {
    let temporal = machine.export(&block("sendpromptly setup temporal"));
    set_up_postgres(machine).await;

    assert_eq!(machine.status("temporal").await, "fail", "no namespace");
    let by_hand = block("temporal operator");
    let (namespace, attributes) = by_hand.split_once('\n').expect("two commands");
    machine.done(namespace).await;
    eventually("a namespace without attributes", async || {
        (machine.status("search_attributes").await == "fail").then_some(())
    })
    .await;
    eventually("attributes by hand", async || {
        machine.sh(attributes).await.status.success().then_some(())
    })
    .await;
    machine.is_well("search_attributes").await;
    assert_eq!(machine.status("environment").await, "warn", "not tied to the database");
    machine.done(&temporal).await;
    machine.is_well("environment").await;

    let settings = block("export SENDPROMPTLY_MASTER_KEY");
    let (key, mail) = settings.split_once("export SMTP_URL").expect("mail comes last");
    machine.export(key);
    assert_eq!(machine.status("smtp").await, "warn", "no SMTP");
    machine.export(&format!("export SMTP_URL{mail}"));
    machine.is_well("smtp").await;
    assert_eq!(machine.status("workers").await, "fail", "no worker");
    assert_eq!(machine.status("api").await, "warn", "no api");
    let parts = vec![machine.spawn("api"), machine.spawn("worker")];
    machine.is_well("api").await;
    machine.is_well("workers").await;
    parts
}

/// The first project, line by line; gives its API key.
async fn first_project(machine: &Machine) -> ApiKey {
    let (mut project, mut destination, mut key) = (String::new(), String::new(), String::new());
    for line in block("sendpromptly operator add").lines() {
        let line = line.replace("prj_…", &project).replace("dst_…", &destination);
        for (command, check) in [
            ("operator", "operators"),
            ("project", "projects"),
            ("key", "projects"),
            ("destination add", "destinations"),
        ] {
            if line.starts_with(&format!("sendpromptly {command} ")) {
                assert_eq!(machine.status(check).await, "warn", "no {command}");
            }
        }
        if line.contains("doctor") {
            // The shop of the document is not there, and this is all that is wrong.
            let printed = String::from_utf8(machine.sh(&line).await.stdout).expect("text");
            let failed: Vec<_> = printed.lines().filter(|line| line.contains("FAIL")).collect();
            assert!(failed.iter().all(|line| line.contains("repair_")), "{printed}");
            continue;
        }
        // There is no terminal here; the document says how to reply without one.
        let line = if line.contains("operator add") {
            format!("echo 'a password of alice' | {line} --password-stdin")
        } else {
            line
        };
        let printed = machine.done(&line).await;
        match line.split(' ').nth(1) {
            Some("project") => project = word(&printed, "prj_"),
            Some("key") => key = word(&printed, "sk_live_"),
            Some("destination") if line.contains(" add ") => destination = word(&printed, "dst_"),
            _ => {}
        }
    }
    ApiKey::parse(&key).expect("a key")
}

async fn post(machine: &Machine, key: &ApiKey, path: &str, body: &Value) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let response = client
        .post(format!("http://{}/api/v1/{path}", machine.listen))
        .header("authorization", format!("Bearer {}", key.reveal()))
        .header("idempotency-key", format!("{path}-evt_1"))
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .expect("a response");
    let text = response.text().await.expect("a body");
    serde_json::from_str(&text).expect("JSON")
}

async fn by_the_letter(bins: Option<PostgresBins>) {
    let mut machine = Machine::start(bins).await;
    let _parts = set_up(&mut machine).await;
    let key = first_project(&machine).await;
    machine.mailbox.wait_for(1).await; // that of `destination test`
    let taken = post(&machine, &key, "receipt", &e2e::world::receipt("evt_1")).await;
    let result =
        json!({"event_id": taken["event_id"], "status": "failed", "error_code": "db_down"});
    let response = post(&machine, &key, "result", &result).await;
    assert_eq!(response["incident"]["state"], "open", "{response}");
    let mails = machine.mailbox.wait_for(2).await;
    assert!(mails[1].contains("bob@example.com") && mails[1].contains("db_down"), "{}", mails[1]);
    let doctor = machine.doctor().await;
    let checks = doctor["checks"].as_array().expect("checks");
    assert!(checks.iter().all(|check| check["status"] == "pass"), "{doctor}");
}

#[test]
fn the_set_up_by_the_letter_watches_on_the_newest_postgres() {
    run(by_the_letter(None));
}

#[test]
fn the_set_up_by_the_letter_watches_on_the_oldest_postgres() {
    let dir = Path::new(&ask("install_postgres15.py")).to_owned();
    run(by_the_letter(Some(PostgresBins { dir, version: Version::new(15, 0, 0) })));
}

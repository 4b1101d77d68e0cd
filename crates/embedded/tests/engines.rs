//! Both engines for real: start, stop, start again, die, and end with their parent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod support;

use std::io::Write;
use std::time::Duration;

use embedded::{
    DATABASE, EngineDirs, EngineEvent, Engines, Postgres, PostgresOptions, StartError, Stopped,
    Supervised, Temporal, TemporalOptions, free_port, scratch_dir,
};
use sqlx::{Connection, PgConnection};
use support::{is_alive, kill, role, run_role_as_ordinary_user, spawn_role, until};
use tokio::sync::mpsc;

async fn engines() -> Engines {
    Engines::locate(&EngineDirs::from_env().unwrap()).await.unwrap()
}

fn options_in(folder: &tempfile::TempDir) -> PostgresOptions {
    let port = free_port().unwrap();
    PostgresOptions::new(folder.path().join("postgres"), port).without_durability()
}

async fn ask(url: &str, query: &'static str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let found = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found
}

async fn notify(url: &str, statement: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn postgres_keeps_its_data_and_its_address_over_a_restart() {
    let engines = engines().await;
    let folder = scratch_dir().unwrap();
    let options = options_in(&folder);
    let server = Postgres::start(&engines.postgres, options.clone()).await.unwrap();
    let url = server.url(DATABASE);
    notify(&url, "CREATE TABLE shop AS SELECT 'alice' AS owner").await;
    assert_eq!(server.stop().await, Stopped::Orderly);

    let server = Postgres::start(&engines.postgres, options).await.unwrap();
    assert_eq!(server.url(DATABASE), url);
    assert_eq!(ask(&url, "SELECT owner FROM shop").await, "alice");
    assert_eq!(ask(&url, "SHOW server_encoding").await, "UTF8");
    server.stop().await;
}

#[tokio::test]
async fn postgres_lets_nobody_in_without_the_password() {
    let engines = engines().await;
    let server = Postgres::start_throw_away(&engines.postgres).await.unwrap();
    let port = server.port();
    for url in [
        format!("postgres://postgres@127.0.0.1:{port}/postgres"),
        format!("postgres://postgres:charlie@127.0.0.1:{port}/postgres"),
    ] {
        let error = PgConnection::connect(&url).await.unwrap_err().to_string();
        assert!(error.contains("password"), "{error}");
    }
    assert!(!format!("{server:?}").contains(&password(&server)));
    server.stop().await;
}

fn password(server: &Postgres) -> String {
    let url = server.url("");
    url.split([':', '@']).nth(2).unwrap().to_owned()
}

#[tokio::test]
async fn postgres_starts_again_after_a_kill_with_clients_connected() {
    let engines = engines().await;
    let folder = scratch_dir().unwrap();
    let options = options_in(&folder);
    let server = Postgres::start(&engines.postgres, options.clone()).await.unwrap();
    let url = server.url(DATABASE);
    notify(&url, "CREATE TABLE shop AS SELECT 'alice' AS owner").await;
    let mut busy = PgConnection::connect(&url).await.unwrap();
    let sleeper = tokio::spawn(async move {
        sqlx::query("SELECT pg_sleep(60)").execute(&mut busy).await.unwrap_err();
    });
    kill(server.pid());
    assert!(!server.wait_exit().await.success());

    let server = Postgres::start(&engines.postgres, options).await.unwrap();
    assert_eq!(ask(&url, "SELECT owner FROM shop").await, "alice");
    sleeper.await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_throw_away_postgres_leaves_nothing_behind() {
    let engines = engines().await;
    let server = Postgres::start_throw_away(&engines.postgres).await.unwrap();
    let (pid, data_dir) = (server.pid(), server.data_dir().to_owned());
    assert!(data_dir.exists());
    drop(server);
    assert!(!is_alive(pid));
    assert!(!data_dir.parent().unwrap().exists());
}

#[tokio::test]
async fn a_start_on_a_taken_port_names_the_port() {
    let engines = engines().await;
    let server = Postgres::start_throw_away(&engines.postgres).await.unwrap();
    let folder = scratch_dir().unwrap();
    let mut options = options_in(&folder);
    options.port = server.port();
    let error = Postgres::start(&engines.postgres, options).await.unwrap_err();
    assert!(matches!(error, StartError::PortTaken { port } if port == server.port()), "{error}");

    let options = TemporalOptions::new(server.port(), folder.path().join("temporal.log"));
    let error = Temporal::start(&engines.temporal, options).await.unwrap_err();
    assert!(matches!(error, StartError::PortTaken { port } if port == server.port()), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn a_failed_start_shows_what_postgres_said() {
    let engines = engines().await;
    let folder = scratch_dir().unwrap();
    let mut options = options_in(&folder);
    options.extra_settings.push(("shared_bufers".to_owned(), "1".to_owned()));
    let error = Postgres::start(&engines.postgres, options).await.unwrap_err().to_string();
    assert!(error.contains("shared_bufers"), "{error}");
    assert!(error.contains("postgres.log"), "{error}");
}

#[tokio::test]
async fn a_folder_with_other_things_in_it_is_left_alone() {
    let engines = engines().await;
    let folder = scratch_dir().unwrap();
    let options = options_in(&folder);
    std::fs::create_dir(&options.data_dir).unwrap();
    std::fs::write(options.data_dir.join("ledger.csv"), "alice,1").unwrap();
    let error = Postgres::start(&engines.postgres, options.clone()).await.unwrap_err();
    assert!(matches!(error, StartError::NotACluster { .. }), "{error}");

    std::fs::write(options.data_dir.join("PG_VERSION"), "12\n").unwrap();
    let error = Postgres::start(&engines.postgres, options).await.unwrap_err();
    assert!(matches!(&error, StartError::OtherMajor { found, .. } if found == "12"), "{error}");
}

#[tokio::test]
async fn temporal_keeps_its_file_and_learns_new_search_attributes() {
    let engines = engines().await;
    let folder = scratch_dir().unwrap();
    let mut options = TemporalOptions::new(free_port().unwrap(), folder.path().join("t.log"));
    options.db_file = Some(folder.path().join("temporal.db"));
    options.search_attributes = vec!["SpProjectId".to_owned()];
    let server = Temporal::start(&engines.temporal, options.clone()).await.unwrap();
    assert!(describe(&engines, &server).await.contains("72h0m0s"));
    assert_eq!(server.stop().await, Stopped::Orderly);

    options.search_attributes.extend(["SpState".to_owned(), "SpReason".to_owned()]);
    options.retention_hours = 96;
    let server = Temporal::start(&engines.temporal, options).await.unwrap();
    let described = describe(&engines, &server).await;
    for part in ["96h0m0s", "SpProjectId", "SpState", "SpReason"] {
        assert!(described.contains(part), "{part} is not in {described}");
    }
    server.stop().await;
}

async fn describe(engines: &Engines, server: &Temporal) -> String {
    let output = tokio::process::Command::new(&engines.temporal.path)
        .args(["operator", "namespace", "describe", "--namespace", "default", "--address"])
        .arg(server.address())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn temporal_with_a_bad_setting_shows_what_it_said() {
    let engines = engines().await;
    let folder = scratch_dir().unwrap();
    let mut options = TemporalOptions::new(free_port().unwrap(), folder.path().join("t.log"));
    options.dynamic_config = vec!["no equals sign".to_owned()];
    let error = Temporal::start(&engines.temporal, options).await.unwrap_err();
    assert!(matches!(error, StartError::Died { .. }), "{error}");
    assert!(error.to_string().contains("t.log"), "{error}");
}

#[tokio::test]
async fn a_supervised_postgres_comes_back_on_the_same_address() {
    let engines = engines().await;
    let server = Postgres::start_throw_away(&engines.postgres).await.unwrap();
    let (url, pid, folder) = (server.url(DATABASE), server.pid(), server.data_dir().to_owned());
    let (sender, mut events) = mpsc::unbounded_channel();
    let supervised = Supervised::keep_running(server, sender);
    kill(pid);

    let mut next = async || tokio::time::timeout(Duration::from_mins(1), events.recv()).await;
    let died = next().await.unwrap().unwrap();
    assert!(matches!(died, EngineEvent::Died { engine: "PostgreSQL", .. }), "{died}");
    let restarted = next().await.unwrap().unwrap();
    assert!(matches!(restarted, EngineEvent::Restarted { .. }), "{restarted}");
    assert_eq!(ask(&url, "SELECT 'bob'").await, "bob");

    assert_eq!(supervised.stop().await, Stopped::Orderly);
    assert!(!folder.exists());
}

/// The two roles of the tests below: one process that starts engines, and one that checks it.
#[tokio::test]
async fn no_engine_outlives_a_killed_parent() {
    const NAME: &str = "no_engine_outlives_a_killed_parent";
    if role(NAME) {
        let engines = engines().await;
        let folder = scratch_dir().unwrap();
        let postgres = Postgres::start_throw_away(&engines.postgres).await.unwrap();
        let options = TemporalOptions::new(free_port().unwrap(), folder.path().join("t.log"));
        let temporal = Temporal::start(&engines.temporal, options).await.unwrap();
        let place = postgres.data_dir().display();
        writeln!(
            std::io::stdout(),
            "\nengines {} {} {place} {}",
            postgres.pid(),
            temporal.pid(),
            folder.path().display()
        )
        .unwrap();
        return std::future::pending().await;
    }
    let (mut parent, line) = spawn_role(NAME, "engines ");
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let [postgres, temporal] = [words[0], words[1]].map(|word| word.parse().unwrap());
    assert!(is_alive(postgres) && is_alive(temporal));
    assert_eq!(
        niceness(temporal) - niceness(postgres),
        5,
        "Temporal leaves Postgres the processor"
    );
    parent.kill_hard();
    until("both engines are gone", || !is_alive(postgres) && !is_alive(temporal));

    // A process that is killed cannot remove its temporary folders.
    std::fs::remove_dir_all(std::path::Path::new(words[2]).parent().unwrap()).unwrap();
    std::fs::remove_dir_all(words[3]).unwrap();
}

/// The 19th field of proc_pid_stat(5); the second one is the only one with spaces.
fn niceness(pid: u32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit(')').next().unwrap();
    fields.split_whitespace().nth(16).unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_ordinary_user_needs_no_help() {
    const NAME: &str = "an_ordinary_user_needs_no_help";
    if role(NAME) {
        let engines = engines().await;
        let postgres = Postgres::start_throw_away(&engines.postgres).await.unwrap();
        assert_eq!(ask(&postgres.url(DATABASE), "SELECT 'alice'").await, "alice");
        let folder = scratch_dir().unwrap();
        let options = TemporalOptions::new(free_port().unwrap(), folder.path().join("t.log"));
        let temporal = Temporal::start(&engines.temporal, options).await.unwrap();
        assert_eq!(temporal.stop().await, Stopped::Orderly);
        assert_eq!(postgres.stop().await, Stopped::Orderly);
        return;
    }
    // Installed by the user who runs the tests; the user only reads it.
    let engines = engines().await;
    let status = run_role_as_ordinary_user(NAME, &engines);
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn root_keeps_an_unreachable_cluster_where_its_account_can_reach_it() {
    if !support::is_root() {
        return; // An ordinary user's Postgres reaches what the user reaches.
    }
    let engines = engines().await;
    let private = tempfile::tempdir().unwrap();
    let only_root = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(private.path(), only_root).unwrap();
    let options = options_in(&private);
    let server = Postgres::start(&engines.postgres, options.clone()).await.unwrap();
    let place = server.data_dir().to_owned();
    assert!(place.starts_with("/var/lib/sendpromptly"), "{}", place.display());
    server.stop().await;

    let server = Postgres::start(&engines.postgres, options).await.unwrap();
    assert_eq!(server.data_dir(), place);
    server.stop().await;
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::remove_file(place.with_extension("log")).unwrap();
}

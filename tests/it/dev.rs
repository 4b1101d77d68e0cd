//! `dev`: starts everything, keeps its data, and leaves nothing running.

use e2e::dev::{Dev, Ports, rejected};
use e2e::world::receipt;
use e2e::{eventually, run};
use sqlx::Connection;

async fn post(dev: &Dev, idempotency_key: &str) -> u16 {
    let (url, key) = (&dev.ready["url"], &dev.ready["api_key"]);
    let request = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = request
        .post(format!("{}/api/v1/receipt", url.as_str().expect("a URL")))
        .bearer_auth(key.as_str().expect("a key"))
        .header("idempotency-key", idempotency_key)
        .header("content-type", "application/json")
        .body(receipt("evt_1").to_string());
    request.send().await.expect("a response").status().as_u16()
}

/// What others may do with a file.
fn open_to_others(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().expect("it is there").permissions().mode() & 0o077
}

async fn polling_workers(dev: &Dev) -> i64 {
    let url = dev.ready["database_url"].as_str().expect("a URL");
    let mut db = sqlx::PgConnection::connect(url).await.expect("a database");
    let polling = "SELECT count(*) FROM worker_heartbeats WHERE ended_at IS NULL";
    sqlx::query_scalar(polling).fetch_one(&mut db).await.expect("a count")
}

#[test]
fn dev_starts_everything_and_a_second_start_finds_it_again() {
    run(async {
        let folder = embedded::scratch_dir().expect("a folder");
        let ports = Ports::free().expect("ports");
        let dev = Dev::start(&folder, ports).await.expect("a running dev");
        assert_eq!(post(&dev, "k1").await, 202);
        assert_eq!(polling_workers(&dev).await, 1, "who opens the console sees no warning");
        let first = dev.ready.clone();
        for field in [
            "url",
            "temporal_address",
            "temporal_namespace",
            "database_url",
            "project_id",
            "signing_secret",
        ] {
            assert!(first[field].is_string(), "{field}");
        }
        assert!(
            first["operator"]["email"].is_string() && first["operator"]["password"].is_string()
        );

        let data = folder.path().join(".sendpromptly");
        for name in ["temporal.db", "temporal.log", "dev.json", "master.key"] {
            assert_eq!(open_to_others(&data.join(name)), 0, "{name} can be read by others");
        }

        let (code, printed) =
            rejected(&folder, Ports::free().expect("ports")).await.expect("a second dev");
        assert_eq!(code, Some(1));
        assert!(
            printed.contains("running") || printed.contains(&dev.pid().to_string()),
            "{printed}"
        );

        assert_eq!(dev.interrupt().await.expect("ended"), Some(0));
        assert_eq!(ports.taken(), [0_u16; 0], "still listened on");
        assert!(!folder.path().join(".sendpromptly/dev.json").exists());

        let again = Dev::start(&folder, ports).await.expect("a running dev");
        assert_eq!(again.ready, first);
        assert_eq!(post(&again, "k2").await, 202);
        again.kill().await.expect("killed");
        eventually("engines that are gone", async || ports.taken().is_empty().then_some(())).await;
    });
}

#[test]
fn a_taken_port_is_an_error_that_names_its_flag() {
    run(async {
        let folder = embedded::scratch_dir().expect("a folder");
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("an address").port();
        let free = Ports::free().expect("ports");
        for (ports, flag) in [
            (Ports { api: port, ..free }, "--listen"),
            (Ports { postgres: port, ..free }, "--postgres-port"),
            (Ports { temporal: port, ..free }, "--temporal-port"),
            (Ports { ui: port, ..free }, "--temporal-ui-port"),
        ] {
            let (code, printed) = rejected(&folder, ports).await.expect("a dev");
            assert_eq!(code, Some(1));
            assert!(printed.contains(flag), "{flag}: {printed}");
        }
    });
}

#[test]
fn a_lost_key_is_an_error_that_names_its_file_and_the_database() {
    run(async {
        let folder = embedded::scratch_dir().expect("a folder");
        let ports = Ports::free().expect("ports");
        let dev = Dev::start(&folder, ports).await.expect("a running dev");
        assert_eq!(dev.interrupt().await.expect("ended"), Some(0));
        let data = folder.path().join(".sendpromptly");
        let kept = std::fs::read(data.join("master.key")).expect("a key");
        std::fs::remove_file(data.join("master.key")).expect("removed");
        let (code, printed) = rejected(&folder, ports).await.expect("a dev");
        assert_eq!(code, Some(1));
        for named in ["master.key is not the key", ".sendpromptly/postgres: put back"] {
            assert!(printed.contains(named), "{named}: {printed}");
        }
        std::fs::write(data.join("master.key"), kept).expect("put back");
        Dev::start(&folder, ports).await.expect("a running dev");
    });
}

//! Postgres dies and comes back while many ask. How fast is for `make bench`; here, that it heals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use e2e::dev::{Dev, Ports};
use e2e::world::receipt;
use e2e::{eventually, run};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const CLIENTS: usize = 60;

/// A client that sends a receipt, waits a second, and sends it again until it is stopped.
async fn keep_sending(n: usize, dev: Arc<Dev>, seen: Arc<Seen>) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}/api/v1/receipt", dev.ready["url"].as_str().expect("a URL"));
    let key = dev.ready["api_key"].as_str().expect("a key");
    for round in 0.. {
        let event = format!("evt_{n}_{round}");
        let request = http.post(&url).bearer_auth(key).header("idempotency-key", &event);
        let request = request.header("content-type", "application/json");
        let status = request.body(receipt(&event).to_string()).send().await.map(|a| a.status());
        match status.expect("a response").as_u16() {
            202 => seen.accepted.fetch_add(1, Ordering::Relaxed),
            503 => seen.unavailable.fetch_add(1, Ordering::Relaxed),
            other => panic!("answered {other}"),
        };
        if seen.enough.load(Ordering::Relaxed) {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[derive(Default)]
struct Seen {
    accepted: AtomicUsize,
    unavailable: AtomicUsize,
    enough: AtomicBool,
}

fn kill_postgres(folder: &TempDir) {
    let file = folder.path().join(".sendpromptly/postgres/postmaster.pid");
    let text = std::fs::read_to_string(file).expect("postmaster.pid");
    let pid = text.lines().next().and_then(|line| line.trim().parse().ok()).expect("a pid");
    kill_process(Pid::from_raw(pid).expect("a pid"), Signal::KILL).expect("killed");
}

#[test]
fn a_crash_of_postgres_under_sixty_clients_ends_with_the_crash() {
    run(async {
        let folder = embedded::scratch_dir().expect("a folder");
        let dev = Dev::start(&folder, Ports::free().expect("ports")).await.expect("a running dev");
        let (dev, seen) = (Arc::new(dev), Arc::new(Seen::default()));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| tokio::spawn(keep_sending(n, Arc::clone(&dev), Arc::clone(&seen))))
            .collect();
        let counted = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        eventually("every client's first receipt", async || {
            (counted(&seen.accepted) >= CLIENTS).then_some(())
        })
        .await;
        kill_postgres(&folder);
        eventually("an outage", async || (counted(&seen.unavailable) > 0).then_some(())).await;
        let before = counted(&seen.accepted);
        eventually("receipts of all again", async || {
            (counted(&seen.accepted) >= before + CLIENTS).then_some(())
        })
        .await;
        seen.enough.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client that was answered every time");
        }
        let dev = Arc::into_inner(dev).expect("nobody else holds it");
        assert_eq!(dev.interrupt().await.expect("ended"), Some(0));
    });
}

//! The short selection of `make faults`, a test each: they run side by side, on stages of their own.
//!
//! A test that fails prints what broke, and the round's logs are in `target/faults/logs`.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends here")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use faultlab::faults::{self, Programs};
use faultlab::report::Report;
use faultlab::round::{Settings, run};
use tokio::runtime::Runtime;

/// Any seed will do; that it is always the same makes two runs comparable.
const SEED: u64 = 20_261_129;

fn holds(name: &str) {
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let fault = faults::all().into_iter().find(|fault| fault.name == name).expect("the fault");
    assert!(fault.short, "{name} is not in the selection");
    let settings = Settings {
        programs: Programs { binary: binary(), from: None, with_crash_points: None },
        rate: 10.0,
        before: Duration::from_secs(4),
        keep: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/faults/logs"),
    };
    let runtime = Runtime::new().expect("a runtime");
    let verdict = runtime.block_on(Box::pin(run(&fault, 1, SEED, &settings)));
    let passed = verdict.passed();
    let report = Report { seed: SEED, name: "short".to_owned(), rounds: vec![verdict] };
    assert!(passed, "{}", report.text());
}

/// Beside the tests, where `make test` has built it.
fn binary() -> PathBuf {
    let tests = std::env::current_exe().expect("a path");
    let profile = tests.ancestors().nth(2).expect("the folder of the build");
    let path = profile.join("sendpromptly");
    assert!(path.exists(), "{} is missing: run `cargo build --workspace`", path.display());
    path
}

#[test]
fn every_promise_holds_while_the_api_is_killed() {
    holds("kill-api");
}

#[test]
fn every_promise_holds_while_postgres_stops_at_once() {
    holds("stop-postgres");
}

#[test]
fn the_selection_is_what_is_tested_here() {
    let short = faults::all().into_iter().filter(|fault| fault.short).map(|fault| fault.name);
    assert_eq!(short.collect::<Vec<_>>(), ["kill-api", "stop-postgres"]);
}

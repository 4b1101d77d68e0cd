//! Receipts over HTTP as `wrk` sees them from outside, where it is installed.
//!
//! The load is that of `receipts`, 64 connections and a `dev` of its own, but whoever sends and
//! measures knows nothing of this program. `wrk.lua` makes the requests, each of an event of its
//! own. They are in no ledger; instead the events that came in the meantime must be at least as many as
//! wrk saw accepted, and at most as many as it sent. A run in which they are not fails.
//!
//! Keys are used in rotation, so that the limit of one key, which was lower in earlier builds, is
//! not what is measured.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::NamedTempFile;
use tokio::process::Command;
use tokio::time::sleep;
use uuid::Uuid;

use crate::app::TIMEOUT_MINUTES;
use crate::computing::Computing;
use crate::latencies::number;
use crate::ledger::LedgerCheck;
use crate::report::{Figure, Findings, Threshold};
use crate::say;
use crate::session::{self, Session, Turn};

const SCRIPT: &str = include_str!("wrk.lua");
/// Each may send 1,000 receipts a second to the first builds.
const KEYS: u32 = 16;
const CONNECTIONS: &str = "64";
const THREADS: &str = "2";
/// For what was on its way when wrk hung up.
const SETTLE: Duration = Duration::from_secs(1);

/// What wrk says of a run.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Responses of every kind.
    per_second: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
    counts: Counts,
}

/// What the script counts.
#[derive(Debug, PartialEq)]
struct Counts {
    /// Requests that were made; the last ones may not have been sent.
    sent: u64,
    accepted: u64,
    /// Responses other than 202.
    rejected: u64,
    /// The status of the first of these, or 0.
    first: u64,
    /// Connections that failed or waited too long.
    broken: u64,
}

/// Measures nothing where there is no `wrk`.
pub async fn measure(turn: Turn<'_>) -> anyhow::Result<(Findings, LedgerCheck)> {
    if !is_installed().await {
        say("wrk is not installed");
        return Ok((Findings::default(), LedgerCheck::default()));
    }
    session::run(turn, flat_out).await
}

async fn flat_out(session: &Session) -> anyhow::Result<Findings> {
    let keys = session.dev.make_keys(KEYS.max(session.options.keys)).await?;
    let seconds = session.options.seconds;
    say(&format!("as many receipts as {CONNECTIONS} connections of wrk can send"));
    run_checked(session, &keys, (seconds / 5).max(1)).await?;
    let computing = Computing::start(session.dev.pid()?)?;
    let seen = run_checked(session, &keys, seconds).await?;
    Ok(figures(&seen, computing.cores()?).into())
}

fn figures(seen: &Seen, cores: f64) -> Vec<Figure> {
    let Seen { per_second, p50, p99, counts } = seen;
    let accepted = per_second * counts.share_accepted();
    let note = format!(
        "{} of them, p50 {p50:.1} ms, p99 {p99:.1} ms; API and worker used {cores:.2} cores",
        counts.accepted,
    );
    let lost = number(counts.rejected + counts.broken);
    let why = format!(
        "{} rejected, the first with {}; {} connections broken",
        counts.rejected, counts.first, counts.broken,
    );
    let why = if lost > 0.0 { why } else { String::new() };
    let name = |what: &str| format!("receipts over HTTP seen by wrk, 64 connections{what}");
    vec![
        Figure::new(name(""), accepted, "/s", Threshold::None).noting(note),
        Figure::new(name(", p99"), *p99, "ms", Threshold::None),
        Figure::new(name(", not 202"), lost, "", Threshold::AtMost(0.0)).noting(why),
    ]
}

/// Runs wrk for so long, and holds what it saw against the database.
async fn run_checked(session: &Session, keys: &[String], seconds: u32) -> anyhow::Result<Seen> {
    let before = count_events(session).await?;
    let seen = run(&session.dev.ready.url, keys, (CONNECTIONS, seconds)).await?;
    sleep(SETTLE).await;
    let came = u64::try_from(count_events(session).await? - before)?;
    let Counts { sent, accepted, .. } = seen.counts;
    anyhow::ensure!(
        (accepted..=sent).contains(&came),
        "{came} events came of {sent} requests, of which {accepted} were accepted"
    );
    Ok(seen)
}

async fn count_events(session: &Session) -> anyhow::Result<i64> {
    let count = sqlx::query_scalar("SELECT count(*) FROM payment_events");
    Ok(count.fetch_one(&session.pool).await?)
}

async fn run(
    origin: &str,
    keys: &[String],
    (connections, seconds): (&str, u32),
) -> anyhow::Result<Seen> {
    let mut script = NamedTempFile::new()?;
    script.write_all(SCRIPT.as_bytes())?;
    let output = Command::new("wrk")
        .args(["--threads", THREADS, "--connections", connections, "--latency"])
        .args(["--timeout", "30s", "--duration", &format!("{seconds}s"), "--script"])
        .arg(script.path())
        .arg(format!("{origin}/api/v1/receipt"))
        .env("LOADTEST_KEYS", keys.join(" "))
        .env("LOADTEST_RUN", Uuid::now_v7().simple().to_string())
        .env("LOADTEST_TIMEOUT_MINUTES", TIMEOUT_MINUTES.to_string())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "wrk failed: {said}{complaint}");
    Seen::read(&said).with_context(|| format!("wrk said {said}{complaint}"))
}

/// Its `--version` exits as if it had failed.
async fn is_installed() -> bool {
    let mut probe = Command::new("wrk");
    probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().await.is_ok()
}

impl Seen {
    fn read(said: &str) -> Option<Self> {
        let behind = |name: &str| said.lines().find_map(|line| line.trim().strip_prefix(name));
        Some(Self {
            per_second: behind("Requests/sec:")?.trim().parse().ok()?,
            p50: milliseconds(behind("50%")?)?,
            p99: milliseconds(behind("99%")?)?,
            counts: Counts::read(behind("receipts:")?)?,
        })
    }
}

impl Counts {
    fn read(line: &str) -> Option<Self> {
        let count = |name: &str| {
            let part = line.split(',').find(|part| part.contains(name))?;
            part.split_whitespace().find_map(|word| word.parse().ok())
        };
        Some(Self {
            sent: count("sent")?,
            accepted: count("accepted")?,
            rejected: count("rejected")?,
            first: count("first")?,
            broken: count("broken")?,
        })
    }

    /// Of all responses.
    fn share_accepted(&self) -> f64 {
        number(self.accepted) / number((self.accepted + self.rejected).max(1))
    }
}

/// Of a duration as wrk writes it: `635.91us`, `1.20ms`, `3.00s`, `2.00m`.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)];
    let of = |(unit, factor): (&str, f64)| {
        let value: f64 = text.trim().strip_suffix(unit)?.parse().ok()?;
        Some(value * factor)
    };
    units.into_iter().find_map(of)
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;
    use crate::sink::Sink;

    const SAID: &str = "\
Running 10s test @ http://127.0.0.1:8080/api/v1/receipt
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     5.61ms    2.73ms  41.50ms   78.53%
    Req/Sec     5.81k   512.44     7.01k    68.50%
  Latency Distribution
     50%    5.20ms
     75%    6.82ms
     90%  900.50us
     99%    1.20s
  115732 requests in 10.02s, 40.61MB read
  Non-2xx or 3xx responses: 32
Requests/sec:  11550.25
Transfer/sec:      4.05MB
receipts: 115797 sent, 115700 accepted, 32 rejected, first 429, 1 broken
";

    #[test]
    fn what_wrk_says_is_read() {
        let counts =
            Counts { sent: 115_797, accepted: 115_700, rejected: 32, first: 429, broken: 1 };
        let seen = Seen { per_second: 11_550.25, p50: 5.2, p99: 1_200.0, counts };
        assert_eq!(Seen::read(SAID), Some(seen));
        assert_eq!(Seen::read("unable to connect"), None);
    }

    #[test]
    fn every_unit_of_a_duration_is_known() {
        let read = ["250.00us", " 5.20ms", "1.20s", "2.00m"].map(milliseconds);
        assert_eq!(read, [Some(0.25), Some(5.2), Some(1_200.0), Some(120_000.0)]);
        assert_eq!(milliseconds("soon"), None);
    }

    /// Says nothing where there is no wrk.
    #[tokio::test]
    async fn the_script_sends_receipts_and_counts_what_became_of_them() {
        if !is_installed().await {
            return;
        }
        let keys = ["sk_test_a".to_owned(), "sk_test_b".to_owned()];
        for (status, is_accepted) in [(StatusCode::ACCEPTED, true), (StatusCode::CONFLICT, false)] {
            let sink = Sink::start(status).await.expect("a server");
            let seen = run(&sink.origin, &keys, ("2", 1)).await.expect("a run");
            let Counts { sent, accepted, rejected, first, broken } = seen.counts;
            let (counted, other) =
                if is_accepted { (accepted, rejected) } else { (rejected, accepted) };
            assert!(counted > 0 && counted <= sent && sink.received().requests >= counted);
            assert_eq!((other, broken), (0, 0));
            assert_eq!(first, if is_accepted { 0 } else { 409 });
        }
    }
}

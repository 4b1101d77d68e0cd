//! What an operator sees in the meantime: `/readyz` and `/metrics` of both processes, asked twice a second.
//!
//! A *sign* is anything there that is not as in good times, by a name that stays the same while it lasts. When it
//! began after a fault and when it was gone again is the report's answer to "does it show, and does it clear".

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::shop::http;
use crate::stage::Addresses;

const EVERY: Duration = Duration::from_millis(500);
/// More than the 2 s that a health check may take.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Older than this, a message of the outbox waits for more than its turn.
const OLD: f64 = 5.0;

/// When a sign was there, in seconds since the round began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sign {
    pub name: String,
    pub from: f64,
    /// The last time that it was seen.
    pub until: f64,
}

/// All that was seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    signs: Vec<Sign>,
    /// When somebody looked last.
    last: f64,
}

/// Somebody who looks until asked.
pub struct Watcher {
    stop: CancellationToken,
    seen: watch::Receiver<Seen>,
    looking: JoinHandle<()>,
}

impl Watcher {
    pub fn start(addresses: Addresses, began: Instant) -> anyhow::Result<Self> {
        let client = http::client(TIMEOUT)?;
        let stop = CancellationToken::new();
        let (tell, seen) = watch::channel(Seen::default());
        let looking = tokio::spawn(look(client, addresses, began, stop.clone(), tell));
        Ok(Self { stop, seen, looking })
    }

    /// What was seen so far.
    pub fn so_far(&self) -> Seen {
        self.seen.borrow().clone()
    }

    pub async fn finish(self) -> anyhow::Result<Seen> {
        self.stop.cancel();
        self.looking.await?;
        Ok(self.seen.borrow().clone())
    }
}

impl Seen {
    /// The signs that were there at that time or began later, each with its first and last moment.
    pub fn since(&self, from: f64) -> Vec<Sign> {
        let mut merged: Vec<Sign> = Vec::new();
        for sign in self.signs.iter().filter(|sign| sign.until >= from) {
            let sign = Sign { from: sign.from.max(from), ..sign.clone() };
            match merged.iter_mut().find(|known| known.name == sign.name) {
                Some(known) => known.until = known.until.max(sign.until),
                None => merged.push(sign),
            }
        }
        merged
    }

    /// When the first of these signs began that was not there before. A look that found it may have begun before what
    /// is seen.
    pub fn first_of(&self, names: &[&str], from: f64) -> Option<f64> {
        let earliest = from - TIMEOUT.as_secs_f64();
        let new = self.signs.iter().filter(|sign| sign.from >= earliest && sign.until >= from);
        let ours = new.filter(|sign| names.contains(&sign.name.as_str()));
        ours.map(|sign| sign.from.max(from)).reduce(f64::min)
    }

    /// Whether it was still there when somebody looked last.
    pub fn lasts(&self, sign: &Sign) -> bool {
        sign.until >= self.last
    }

    fn note(&mut self, now: f64, names: BTreeSet<String>) {
        for name in names {
            let going_on =
                self.signs.iter_mut().find(|sign| sign.name == name && sign.until >= self.last);
            match going_on {
                Some(sign) => sign.until = now,
                None => self.signs.push(Sign { name, from: now, until: now }),
            }
        }
        self.last = now;
    }
}

async fn look(
    client: reqwest::Client,
    addresses: Addresses,
    began: Instant,
    stop: CancellationToken,
    tell: watch::Sender<Seen>,
) {
    let mut counted = BTreeMap::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // One who looks in vain has looked when they began to.
        let now = began.elapsed().as_secs_f64();
        let (api, worker, api_metrics, worker_metrics) = tokio::join!(
            fetch(&client, &addresses.api, "/readyz"),
            fetch(&client, &addresses.worker_metrics, "/readyz"),
            fetch(&client, &addresses.api_metrics, "/metrics"),
            fetch(&client, &addresses.worker_metrics, "/metrics"),
        );
        let mut names = BTreeSet::new();
        names.extend(signs_of_health("api", api.as_ref()));
        names.extend(signs_of_health("worker", worker.as_ref()));
        for (process, text) in [("api", api_metrics), ("worker", worker_metrics)] {
            let Some((_, text)) = text else { continue };
            names.extend(signs_of_metrics(process, &text, &mut counted));
        }
        tell.send_modify(|seen| seen.note(now, names));
    }
}

async fn fetch(client: &reqwest::Client, address: &str, path: &str) -> Option<(u16, String)> {
    let response = client.get(format!("http://{address}{path}")).send().await.ok()?;
    Some((response.status().as_u16(), response.text().await.ok()?))
}

fn signs_of_health(process: &str, answer: Option<&(u16, String)>) -> Vec<String> {
    let Some((status, body)) = answer else { return vec![format!("{process} does not respond")] };
    let mut signs = Vec::new();
    if *status != 200 {
        signs.push(format!("{process} is not ready"));
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let checks = body["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    for check in checks.iter().filter(|check| check["status"] != "ok") {
        signs.push(format!("{process} check {}", check["name"].as_str().unwrap_or_default()));
    }
    signs
}

/// When a process started.
const STARTED: &str = "sendpromptly_process_start_time_seconds";
/// No process ends and starts within less, in seconds.
const RESTARTED_AFTER: f64 = 0.001;
/// By how many seconds its clock is ahead of the database's.
const CLOCK: &str = "sendpromptly_clock_offset_seconds";
/// Health does not mind less.
const WRONG_CLOCK: f64 = 30.0;
/// How long the oldest message of the outbox has waited.
const OLDEST: &str = "sendpromptly_outbox_oldest_age_seconds";
/// Gauges of what is wrong.
const WRONG: [&str; 5] = [
    "sendpromptly_failing_destinations",
    "sendpromptly_broken_destinations",
    "sendpromptly_destination_failing_seconds",
    "sendpromptly_overdue_events",
    "sendpromptly_outbox_parked_messages",
];
/// Counters that count what went wrong, and what each is called as a sign while it grows.
const COUNTERS: [(&str, &str, &str); 6] = [
    ("sendpromptly_http_requests_total", "code=\"5", "responses of 5xx"),
    ("sendpromptly_callback_attempts_total", "outcome=\"failed\"", "callbacks fail"),
    ("sendpromptly_callback_attempts_total", "outcome=\"refused\"", "callbacks fail"),
    ("sendpromptly_alert_attempts_total", "outcome=\"failed\"", "alerts fail"),
    ("sendpromptly_outbox_dispatch_failures_total", "", "dispatch to Temporal fails"),
    ("sendpromptly_database_connections_lost_total", "", "connections to Postgres are lost"),
];

/// Histograms, which of their series, the bucket of what is not slow, and what it is called as a sign while more is.
const SLOW: [(&str, &str, &str, &str); 4] = [
    ("sendpromptly_alert_attempt_duration_seconds_bucket", "", "le=\"2.5\"", "alerts are slow"),
    (
        "sendpromptly_callback_attempt_duration_seconds_bucket",
        "",
        "le=\"2.5\"",
        "callbacks are slow",
    ),
    (
        "sendpromptly_http_request_duration_seconds_bucket",
        "method=\"POST\"",
        "le=\"0.25\"",
        "calls are slow",
    ),
    (
        "sendpromptly_outbox_dispatch_duration_seconds_bucket",
        "",
        "le=\"0.1\"",
        "dispatch to Temporal is slow",
    ),
];
const ALL: &str = "le=\"+Inf\"";

/// How much was slow so far, by the name of the sign.
fn slow_ones(text: &str) -> [(&'static str, f64); 4] {
    SLOW.map(|(metric, part, quick, sign)| {
        let buckets =
            lines(text).filter(|(name, labels, _)| *name == metric && labels.contains(part));
        let slow = buckets.map(|(_, labels, value)| match labels {
            _ if labels.contains(ALL) => value,
            _ if labels.contains(quick) => -value,
            _ => 0.0,
        });
        (sign, slow.sum())
    })
}

/// What a gauge says, if that is not as in good times.
fn sign_of_gauge(metric: &str, value: f64) -> Option<String> {
    let short = metric.trim_start_matches("sendpromptly_");
    let is_wrong = match metric {
        OLDEST if value.is_nan() => return Some(format!("{short} is unknown")),
        OLDEST => value > OLD,
        CLOCK => value.abs() > WRONG_CLOCK,
        _ => value > 0.0 && WRONG.contains(&metric),
    };
    is_wrong.then(|| short.to_owned())
}

fn signs_of_metrics(
    process: &str,
    text: &str,
    counted: &mut BTreeMap<String, f64>,
) -> BTreeSet<String> {
    let mut signs = BTreeSet::new();
    for (metric, labels, value) in lines(text) {
        signs.extend(sign_of_gauge(metric, value));
        if metric == STARTED {
            let before = counted.insert(format!("{process} {metric}"), value);
            if before.is_some_and(|before| (value - before).abs() >= RESTARTED_AFTER) {
                signs.insert(format!("{process} started again"));
            }
        }
        for (name, part, sign) in COUNTERS {
            if metric == name && labels.contains(part) {
                let before = counted.insert(format!("{process} {metric}{labels}"), value);
                // A process that was restarted counts from the beginning.
                if before.unwrap_or_default() < value {
                    signs.insert(sign.to_owned());
                }
            }
        }
    }
    for (sign, slow) in slow_ones(text) {
        let before = counted.insert(format!("{process} {sign}"), slow);
        if before.unwrap_or_default() < slow {
            signs.insert(sign.to_owned());
        }
    }
    signs
}

/// Each line of the exposition: the metric, its labels and its value.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str, f64)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        let (metric, labels) = name.split_once('{').unwrap_or((name, ""));
        Some((metric, labels, value.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults;

    const CHECKS: &str = include_str!("../../../docs/api.md");

    fn is_of_health(sign: &str) -> bool {
        let says = sign.strip_prefix("api ").or_else(|| sign.strip_prefix("worker "));
        says.is_some_and(|says| match says.strip_prefix("check ") {
            Some(name) => CHECKS.contains(&format!("\n| `{name}` | ")),
            None => ["does not respond", "is not ready", "started again"].contains(&says),
        })
    }

    fn is_of_metrics(sign: &str) -> bool {
        let metric = format!("sendpromptly_{sign}");
        [OLDEST, CLOCK].contains(&metric.as_str())
            || WRONG.contains(&metric.as_str())
            || COUNTERS.iter().any(|(.., name)| *name == sign)
            || SLOW.iter().any(|(.., name)| *name == sign)
    }

    #[test]
    fn what_a_fault_shows_is_a_sign_that_can_be_seen() {
        for fault in faults::all() {
            let strange =
                fault.shows.signs().iter().find(|sign| !is_of_health(sign) && !is_of_metrics(sign));
            assert_eq!(strange, None, "{}", fault.name);
        }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sign_lasts_from_the_first_to_the_last_look_that_shows_it() {
        let mut seen = Seen::default();
        for (now, shown) in
            [(1.0, &["a"][..]), (2.0, &[]), (3.0, &["b"]), (4.0, &["b"]), (5.0, &[])]
        {
            seen.note(now, names(shown));
        }
        let sign = Sign { name: "b".to_owned(), from: 3.0, until: 4.0 };
        assert_eq!(seen.since(2.0), std::slice::from_ref(&sign));
        assert!(!seen.lasts(&sign));
        seen.note(6.0, names(&["b"]));
        let again = Sign { until: 6.0, ..sign };
        assert_eq!(seen.since(2.0), std::slice::from_ref(&again), "it came back, and is one sign");
        assert!(seen.lasts(&again));
    }

    #[test]
    fn a_sign_that_was_there_long_before_a_fault_is_none_of_it_until_it_comes_back() {
        let mut seen = Seen::default();
        for now in [1.0, 2.0, 20.0] {
            seen.note(now, names(&["a"]));
        }
        seen.note(21.0, names(&["a", "b"]));
        assert_eq!(seen.first_of(&["a"], 20.5), None);
        assert_eq!(seen.first_of(&["a", "b"], 20.5), Some(21.0));
        assert_eq!(seen.first_of(&["b"], 22.0), None, "it was over");
        seen.note(22.0, names(&[]));
        seen.note(23.0, names(&["a"]));
        assert_eq!(seen.first_of(&["a"], 20.5), Some(23.0));
        assert_eq!(seen.first_of(&["a"], 23.0), Some(23.0));
    }

    #[test]
    fn health_and_metrics_show_what_is_wrong_and_nothing_else() {
        let health = |status, body: &str| signs_of_health("api", Some(&(status, body.to_owned())));
        assert_eq!(signs_of_health("api", None), ["api does not respond"]);
        let checks = r#"{"checks":[{"name":"database","status":"ok"},{"name":"temporal","status":"failed"}]}"#;
        assert_eq!(health(200, checks), ["api check temporal"]);
        assert_eq!(health(503, "{}"), ["api is not ready"]);

        let mut counted = BTreeMap::new();
        let mut metrics = |text: &str| signs_of_metrics("api", text, &mut counted);
        let text = "# HELP x\nsendpromptly_outbox_oldest_age_seconds 0\n\
                    sendpromptly_http_requests_total{method=\"POST\",code=\"503\"} 2\n";
        assert_eq!(metrics(text), names(&["responses of 5xx"]));
        assert_eq!(metrics(text), names(&[]), "it does not grow any more");
        let old = "sendpromptly_outbox_oldest_age_seconds 9\nsendpromptly_failing_destinations 1\n";
        assert_eq!(metrics(old), names(&["failing_destinations", "outbox_oldest_age_seconds"]));
        let attempts = |slow| {
            format!(
                "sendpromptly_callback_attempt_duration_seconds_bucket{{project=\"prj_1\",le=\"2.5\"}} 3\n\
                 sendpromptly_callback_attempt_duration_seconds_bucket{{project=\"prj_1\",le=\"5\"}} 3\n\
                 sendpromptly_callback_attempt_duration_seconds_bucket{{project=\"prj_1\",le=\"+Inf\"}} {}\n",
                3 + slow
            )
        };
        assert_eq!(metrics(&attempts(0)), names(&[]), "all of them were quick");
        assert_eq!(metrics(&attempts(1)), names(&["callbacks are slow"]));
        assert_eq!(metrics(&attempts(1)), names(&[]), "no other one was slow");
        let other_clock = "sendpromptly_clock_offset_seconds -31\n";
        assert_eq!(metrics(other_clock), names(&["clock_offset_seconds"]));
        let unknown = "sendpromptly_outbox_oldest_age_seconds NaN\n";
        assert_eq!(metrics(unknown), names(&["outbox_oldest_age_seconds is unknown"]));
    }

    #[test]
    fn restarts_and_slow_calls_show_once() {
        let mut counted = BTreeMap::new();
        let mut metrics = |text: &str| signs_of_metrics("worker", text, &mut counted);
        let started = |at: &str| format!("sendpromptly_process_start_time_seconds {at}\n");
        assert_eq!(metrics(&started("1764516000.25")), names(&[]), "it was never seen before");
        assert_eq!(metrics(&started("1764516000.25")), names(&[]));
        assert_eq!(metrics(&started("1764516001.5")), names(&["worker started again"]));
        assert_eq!(metrics(&started("1764516001.5")), names(&[]));

        let requests = |method: &str, slow| {
            format!(
                "sendpromptly_http_request_duration_seconds_bucket{{method=\"{method}\",le=\"0.25\"}} 5\n\
                 sendpromptly_http_request_duration_seconds_bucket{{method=\"{method}\",le=\"+Inf\"}} {}\n",
                5 + slow
            )
        };
        assert_eq!(metrics(&requests("GET", 2)), names(&[]), "it is no call");
        assert_eq!(metrics(&requests("POST", 2)), names(&["calls are slow"]));
        assert_eq!(metrics(&requests("POST", 2)), names(&[]));
    }
}

//! Keeps what is told in this process, and writes it as Prometheus reads it.
//!
//! There is one of it in a process. Values of histograms gather in memory until they are read or
//! [`Exposition::tidy`] is called, which the owner does every few seconds, scraped or not.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::catalogue::{Kind, METRICS, SDK_PREFIX, name};
use crate::requests;

/// From a receipt that is taken immediately to a repair endpoint that hangs.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// The SDK also measures how long a watch lived.
const SDK_BUCKETS: [f64; 13] =
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 600.0, 3_600.0, 86_400.0];

/// What this process exposes.
#[derive(Clone)]
pub struct Exposition(PrometheusHandle);

impl Exposition {
    /// Starts to keep what is told. `None` if this process already does.
    #[must_use]
    pub fn install(version: &'static str) -> Option<Self> {
        let buckets = PrometheusBuilder::new().set_buckets(&BUCKETS).ok()?;
        let sdk = Matcher::Prefix(SDK_PREFIX.to_owned());
        let recorder = buckets.set_buckets_for_metric(sdk, &SDK_BUCKETS).ok()?.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        describe();
        begin(version);
        requests::begin();
        Some(Self(handle))
    }

    /// What Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Puts the values that came since the last time into their buckets.
    pub fn tidy(&self) {
        self.0.run_upkeep();
    }
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, Unit::Seconds, metric.help),
        }
    }
}

/// Counters whose labels are known begin with zero: the first thing that happens is a change then,
/// which an alert can see.
fn begin(version: &'static str) {
    gauge!(name::BUILD, "version" => version).set(1.0);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    gauge!(name::STARTED).set(started.as_secs_f64());
    for call in ["receipt", "result"] {
        for outcome in ["accepted", "duplicate", "rejected"] {
            counter!(name::CALLS, "call" => call, "outcome" => outcome).absolute(0);
        }
    }
    for cause in ["unreachable", "busy", "rejected", "namespace", "environment", "settings"] {
        counter!(name::DISPATCH_FAILURES, "cause" => cause).absolute(0);
    }
    counter!(name::PARKED).absolute(0);
}

//! What is told of requests, which every one of them pays for.
//!
//! The metrics of a route, a method and a status are looked up by these labels once and kept from
//! then on, so that no request but the first of its kind makes texts for them. There are as many as
//! routes are served with different statuses, which is bounded; a word of a client is none of them.
//!
//! Nothing is kept before an [`Exposition`](crate::Exposition) is installed: a metric that is looked
//! up before that goes nowhere for ever.

use std::collections::BTreeMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use crate::catalogue::name;

static REQUESTS: OnceLock<Requests> = OnceLock::new();

/// A request was responded to. The route is empty where none was matched.
pub fn request(method: &'static str, route: &str, status: u16, took: Duration) {
    let route = if route.is_empty() { "unmatched" } else { route };
    if let Some(requests) = REQUESTS.get() {
        requests.tell(method, route, status, took);
    }
}

/// From here on requests are told of.
pub(crate) fn begin() {
    REQUESTS.get_or_init(Requests::default);
}

/// The metrics of each route.
#[derive(Default)]
struct Requests(RwLock<BTreeMap<String, Vec<RequestMetrics>>>);

/// The metrics of the requests that are alike.
struct RequestMetrics {
    method: &'static str,
    status: u16,
    seconds: Histogram,
    count: Counter,
}

impl Requests {
    fn tell(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut of_route = known.get(route).into_iter().flatten();
        if let Some(metrics) = of_route.find(|it| it.method == method && it.status == status) {
            return metrics.tell(took);
        }
        drop(known);
        let metrics = RequestMetrics::look_up(method, route, status);
        metrics.tell(took);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(route.to_owned()).or_default().push(metrics);
    }
}

impl RequestMetrics {
    fn look_up(method: &'static str, route: &str, status: u16) -> Self {
        let (route, code) = (route.to_owned(), status.to_string());
        let seconds =
            histogram!(name::REQUEST_SECONDS, "method" => method, "route" => route.clone());
        let count = counter!(name::REQUESTS, "method" => method, "route" => route, "code" => code);
        Self { method, status, seconds, count }
    }

    fn tell(&self, took: Duration) {
        self.seconds.record(took.as_secs_f64());
        self.count.increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn requests_that_differ_in_route_method_or_status_are_counted_apart() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let (exposition, requests) = (recorder.handle(), Requests::default());
        let told = [("POST", "/a", 202), ("POST", "/a", 401), ("GET", "/a", 202)];
        metrics::with_local_recorder(&recorder, || {
            for (n, (method, route, status)) in (1..).zip(told) {
                (0..n).for_each(|_| requests.tell(method, route, status, Duration::ZERO));
            }
            requests.tell("POST", "/b", 202, Duration::ZERO);
        });
        let text = exposition.render();
        for (labels, value) in [
            (["method=\"POST\"", "route=\"/a\"", "code=\"202\""], " 1"),
            (["method=\"POST\"", "route=\"/a\"", "code=\"401\""], " 2"),
            (["method=\"GET\"", "route=\"/a\"", "code=\"202\""], " 3"),
            (["method=\"POST\"", "route=\"/b\"", "code=\"202\""], " 1"),
        ] {
            let mut lines = text.lines().filter(|line| labels.iter().all(|it| line.contains(it)));
            assert!(lines.next().is_some_and(|line| line.ends_with(value)), "{labels:?}: {text}");
        }
        assert_eq!(requests.0.read().expect("a lock").len(), 2);
    }
}

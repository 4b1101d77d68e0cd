//! Traces: one for all that becomes of an event, from the app's request to the callback.
//!
//! What came with a request (`traceparent` of [W3C Trace Context](https://www.w3.org/TR/trace-context/))
//! is kept with the event, and whatever is done for it later, in any process, joins it. Spans leave
//! the house over OTLP, and only where [`Exporter::from_environment`] is told where to; otherwise
//! the app's own `traceparent` goes on as it came. Nothing here waits and nothing fails: what cannot
//! be exported is lost.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{Status, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::{Empty, display};
use tracing::{Span, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// The header that carries a trace on.
pub const TRACEPARENT: &str = "traceparent";

/// What all spans of a flow are made under, so that no library's span is exported.
const TARGET: &str = module_path!();

/// Whether this process exports spans.
static IS_EXPORTED: AtomicBool = AtomicBool::new(false);
static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// Which trace something belongs to, and which of its spans it follows.
#[derive(Debug, Clone)]
pub struct TraceParent {
    header: String,
    context: Context,
}

impl TraceParent {
    /// Reads a header or what was kept. `None` if it is none: a trace is worth no rejection.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let header = Header(text.to_owned());
        Self::from_context(PROPAGATOR.extract_with_context(&Context::new(), &header))
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.header
    }

    /// The trace alone.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.header.split('-').nth(1).unwrap_or_default()
    }

    fn from_context(context: Context) -> Option<Self> {
        if !context.span().span_context().is_valid() {
            return None;
        }
        let mut header = Header(String::new());
        PROPAGATOR.inject_context(&context, &mut header);
        Some(Self { header: header.0, context })
    }
}

impl PartialEq for TraceParent {
    fn eq(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

impl Eq for TraceParent {}

/// The one header that is read and written.
struct Header(String);

impl Extractor for Header {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(&self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

impl Injector for Header {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = value;
        }
    }
}

/// A request that came in. Names the route, never the path: it can hold a token. What it is about is
/// recorded by those who find out, by the names of these fields.
pub fn request(request_id: &str, method: &'static str, route: &str) -> Span {
    let span = info_span!(
        target: TARGET, parent: None, "request", request_id, method, route,
        project_id = Empty, event_id = Empty, incident_id = Empty, replay_id = Empty,
        trace_id = Empty, otel.kind = Empty, otel.name = Empty,
    );
    describe(&span, "server", format_args!("{method} {route}"));
    span
}

/// An event's messages on their way to Temporal.
pub fn dispatch(event_id: &str, workflow_id: &str) -> Span {
    let span = info_span!(
        target: TARGET, parent: None, "dispatch", event_id, workflow_id,
        trace_id = Empty, otel.kind = Empty, otel.name = Empty,
    );
    describe(&span, "producer", "dispatch to Temporal");
    span
}

/// What an activity is about, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct ActivityFacts<'a> {
    pub activity: &'a str,
    pub attempt: u32,
    pub workflow_id: Option<&'a str>,
    pub event_id: Option<String>,
    pub incident_id: Option<String>,
    pub replay_id: Option<String>,
}

/// One attempt of an activity.
pub fn activity(facts: &ActivityFacts<'_>) -> Span {
    let ActivityFacts { activity, attempt, workflow_id, event_id, incident_id, replay_id } = facts;
    let span = info_span!(
        target: TARGET, parent: None, "activity", activity, attempt, workflow_id,
        event_id = event_id.as_ref().map(display),
        incident_id = incident_id.as_ref().map(display),
        replay_id = replay_id.as_ref().map(display),
        trace_id = Empty, otel.kind = Empty, otel.name = Empty,
    );
    describe(&span, "consumer", activity);
    span
}

/// One request to the app, within an activity.
#[must_use]
pub fn callback() -> Span {
    let span = info_span!(target: TARGET, "callback", otel.kind = Empty, otel.name = Empty);
    describe(&span, "client", "POST the repair endpoint");
    span
}

/// Said only where spans are exported, because a log would repeat it on every line.
fn describe(span: &Span, kind: &'static str, name: impl std::fmt::Display) {
    if IS_EXPORTED.load(Ordering::Relaxed) {
        span.record("otel.kind", kind).record("otel.name", display(name));
    }
}

/// Lets a span join a trace, and says what follows it: itself where spans are exported, else the
/// same as it does. Its log lines name the trace from here on.
#[must_use]
pub fn join(span: &Span, parent: Option<TraceParent>) -> Option<TraceParent> {
    if let Some(parent) = &parent {
        // Where spans are not exported there is nothing to set.
        let _set = span.set_parent(parent.context.clone());
    }
    let followed = TraceParent::from_context(span.context()).or(parent);
    if let Some(followed) = &followed {
        span.record("trace_id", followed.trace_id());
    }
    followed
}

/// How a request was responded to.
pub fn responded(span: &Span, status: u16) {
    if IS_EXPORTED.load(Ordering::Relaxed) {
        span.set_attribute("http.response.status_code", i64::from(status));
        if status >= 500 {
            span.set_status(Status::error(""));
        }
    }
}

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

fn read(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The exporter would go on with the one protocol that it has, to a port that speaks another one.
fn reject_protocol(variable: &'static str) -> Option<(&'static str, String)> {
    let protocol = read(variable).filter(|protocol| protocol != "http/protobuf")?;
    let why = format!("must be http/protobuf, for which collectors have port 4318, not {protocol}");
    Some((variable, why))
}

/// Where spans leave the process.
pub struct Exporter(SdkTracerProvider);

impl Exporter {
    /// As [OpenTelemetry's variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/)
    /// say. `None` where none of them names a place to send spans to.
    ///
    /// # Errors
    /// The variable that cannot be used, and why.
    pub fn from_environment(version: &'static str) -> Option<Result<Self, (&'static str, String)>> {
        read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| read(ENDPOINT))?;
        let is_off = read("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"))
            || read("OTEL_TRACES_EXPORTER").is_some_and(|it| it == "none");
        if is_off {
            return None;
        }
        if let Some(rejected) = PROTOCOLS.into_iter().find_map(reject_protocol) {
            return Some(Err(rejected));
        }
        let mut resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", version));
        if read("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("sendpromptly");
        }
        let exporter = match SpanExporter::builder().with_http().build() {
            Ok(exporter) => exporter,
            Err(error) => return Some(Err((ENDPOINT, error.to_string()))),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Some(Ok(Self(provider)))
    }

    /// What sees the spans of this process.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let spans = tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("sendpromptly"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        let ours = Targets::new().with_target(TARGET, tracing::Level::INFO);
        IS_EXPORTED.store(true, Ordering::Relaxed);
        spans.with_filter(ours)
    }

    /// Sends what is left; for the end of a process.
    pub fn finish(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::debug!(%error, "could not export the last spans");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_and_goes_on_as_it_came() {
        let parent = TraceParent::parse(HEADER).expect("a traceparent");
        assert_eq!(parent.as_str(), HEADER);
        assert_eq!(parent.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        let span = request("req_1", "POST", "/");
        assert_eq!(join(&span, Some(parent.clone())), Some(parent), "nothing is exported here");
        assert_eq!(join(&span, None), None);
    }

    #[test]
    fn what_is_no_header_is_ignored() {
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "é-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text:?}");
        }
    }
}

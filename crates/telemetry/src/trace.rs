//! Traces: one for all that becomes of an event, from the app's request to the callback.
//!
//! What came with a request (`traceparent` of [W3C Trace Context](https://www.w3.org/TR/trace-context/))
//! is kept with the event, and whatever is done for it later, in any process, joins it. Spans leave
//! the house over OTLP, and only where an [`Exporter`] is installed; otherwise the app's own
//! `traceparent` goes on as it came. Nothing here waits and nothing fails: what cannot be exported
//! is lost.
//!
//! A [`FlowSpan`] is a span of the log, and beside it one of the trace. The log sees nothing of the
//! latter, so a process that logs only warnings starts none of the former. That of the trace is
//! started with its parent, so the sampler is asked once: where it says no, which it may for 99 of
//! 100 receipts, no attribute is made and nothing is attached to the future that runs.
//!
//! Where OpenTelemetry has a name for something, its
//! [conventions](https://opentelemetry.io/docs/specs/semconv/http/http-spans/) are followed, but for
//! addresses and paths: these do not leave the house. What failed has the status of an error, and
//! `error.type` is one of few words.

mod exporter;
mod parent;

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::OnceLock;

use futures::future::Either;
use opentelemetry::trace::{
    FutureExt, Span as _, SpanBuilder, SpanKind, SpanRef, Status, TraceContextExt, get_active_span,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::field::{Empty, display};
use tracing::{Instrument, Span, info_span};

pub use exporter::Exporter;
pub use parent::{TRACEPARENT, TraceParent};

/// What starts the spans that are exported; nothing where none are.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// What any method that is not known is called.
const OTHER_METHOD: &str = "other";
/// The attribute of a response's status.
const STATUS_CODE: &str = "http.response.status_code";

/// One step of what becomes of an event. It ends when this and all that runs in it is dropped.
#[derive(Debug)]
pub struct FlowSpan {
    /// What its log lines say of it.
    lines: Span,
    /// What is current while it runs: where it is recorded, with its span.
    context: Option<Context>,
}

impl FlowSpan {
    /// Has its log lines and its span name what was found out about it, by the name of a field.
    pub fn note(&self, name: &'static str, fact: &dyn Display) {
        self.lines.record(name, display(fact));
        if let Some(context) = &self.context {
            set(&context.span(), name, fact);
        }
    }

    /// How a request was responded to.
    pub fn responded(&self, status: u16) {
        let Some(context) = &self.context else { return };
        let span = context.span();
        span.set_attribute(KeyValue::new(STATUS_CODE, i64::from(status)));
        if status >= 500 {
            fail(&span, status.to_string());
        }
    }

    /// How a request of ours was responded to, if it was. `failed` is one of few words, of one that
    /// has failed without a response.
    pub fn called(&self, status: Option<u16>, is_delivered: bool, failed: Option<&'static str>) {
        let Some(context) = &self.context else { return };
        let span = context.span();
        if let Some(status) = status {
            span.set_attribute(KeyValue::new(STATUS_CODE, i64::from(status)));
        }
        if !is_delivered {
            let code = status.map(|status| status.to_string());
            fail(&span, code.unwrap_or_else(|| failed.unwrap_or("_OTHER").to_owned()));
        }
    }

    /// That it has failed, in one of few words.
    pub fn failed(&self, how: &'static str) {
        if let Some(context) = &self.context {
            fail(&context.span(), how.to_owned());
        }
    }

    /// Runs a future as a part of it. It does not end before that does, or is dropped.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        run_in(self.lines.clone(), self.context.clone(), future)
    }

    /// Writes log lines as a part of it.
    pub fn in_scope<T>(&self, write: impl FnOnce() -> T) -> T {
        self.lines.in_scope(write)
    }

    fn describe<'a>(&self, facts: impl IntoIterator<Item = (&'static str, Option<&'a str>)>) {
        let Some(context) = &self.context else { return };
        let known = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?)));
        let attributes = known.map(|(name, fact)| KeyValue::new(name, fact.to_owned()));
        context.span().set_attributes(attributes);
    }
}

/// Whether what is [noted](note) here is kept anywhere: in log lines, or in a span that is recorded.
pub fn takes_notes() -> bool {
    !Span::current().is_disabled() || get_active_span(|span| span.is_recording())
}

/// Has the log lines and the span of what runs here name what was found out about it, by the name
/// of a field.
pub fn note(name: &'static str, fact: &dyn Display) {
    Span::current().record(name, display(fact));
    get_active_span(|span| set(&span, name, fact));
}

/// That what runs here has failed, in one of few words.
pub fn failed(how: &'static str) {
    get_active_span(|span| fail(&span, how.to_owned()));
}

/// Runs on a task of its own, as a part of what runs here.
pub fn in_current<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    let context = Context::map_current(|it| it.has_active_span().then(|| it.clone()));
    run_in(Span::current(), context, future)
}

fn run_in<F: Future>(
    lines: Span,
    context: Option<Context>,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    let future = future.instrument(lines);
    match context {
        Some(context) => Either::Left(future.with_context(context)),
        None => Either::Right(future),
    }
}

fn set(span: &SpanRef<'_>, name: &'static str, fact: &dyn Display) {
    if span.is_recording() {
        span.set_attribute(KeyValue::new(name, fact.to_string()));
    }
}

fn fail(span: &SpanRef<'_>, how: String) {
    if span.is_recording() {
        span.set_attribute(KeyValue::new("error.type", how));
        span.set_status(Status::error(""));
    }
}

/// What the span of a request is called.
fn name_request(method: &str, route: &str) -> String {
    let method = if method == OTHER_METHOD { "HTTP" } else { method };
    if route.is_empty() { method.to_owned() } else { format!("{method} {route}") }
}

/// A request that came in, and what follows it. Names the route, never the path: it can hold a
/// token. What it is about is [noted](note) by those who find out, by the names of these fields.
pub fn request(
    request_id: &str,
    method: &'static str,
    route: &str,
    parent: Option<TraceParent>,
) -> (FlowSpan, Option<TraceParent>) {
    let name = || name_request(method, route);
    let (context, followed) = start(TRACER.get(), SpanKind::Server, name, parent);
    let trace_id = followed.as_ref().map(TraceParent::trace_id);
    let lines = info_span!(
        parent: None, "request", request_id, method, route,
        project_id = Empty, event_id = Empty, incident_id = Empty, replay_id = Empty, trace_id,
    );
    let span = FlowSpan { lines, context };
    span.describe([
        ("request_id", Some(request_id)),
        ("http.request.method", Some(if method == OTHER_METHOD { "_OTHER" } else { method })),
        ("http.route", Some(route).filter(|route| !route.is_empty())),
        ("trace_id", trace_id),
    ]);
    (span, followed)
}

/// An event's messages on their way to Temporal.
pub fn dispatch(event_id: &str, workflow_id: &str, parent: Option<TraceParent>) -> FlowSpan {
    let name = || "dispatch to Temporal";
    let (context, followed) = start(TRACER.get(), SpanKind::Producer, name, parent);
    let trace_id = followed.as_ref().map(TraceParent::trace_id);
    let lines = info_span!(parent: None, "dispatch", event_id, workflow_id, trace_id);
    let span = FlowSpan { lines, context };
    span.describe([
        ("event_id", Some(event_id)),
        ("workflow_id", Some(workflow_id)),
        ("trace_id", trace_id),
    ]);
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
pub fn activity(facts: &ActivityFacts<'_>, parent: Option<TraceParent>) -> FlowSpan {
    start_activity(TRACER.get(), facts, parent)
}

fn start_activity(
    tracer: Option<&SdkTracer>,
    facts: &ActivityFacts<'_>,
    parent: Option<TraceParent>,
) -> FlowSpan {
    let ActivityFacts { activity, attempt, workflow_id, event_id, incident_id, replay_id } = facts;
    let name = || (*activity).to_owned();
    let (recorded, followed) = start(tracer, SpanKind::Consumer, name, parent);
    let trace_id = followed.as_ref().map(TraceParent::trace_id);
    let lines = info_span!(
        parent: None, "activity", activity, attempt, workflow_id,
        event_id = event_id.as_ref().map(display),
        incident_id = incident_id.as_ref().map(display),
        replay_id = replay_id.as_ref().map(display),
        trace_id,
    );
    // A callback within begins no trace of its own, with a decision of its own.
    let context = recorded.or_else(|| followed.as_ref().map(TraceParent::context));
    let span = FlowSpan { lines, context };
    span.describe([
        ("activity", Some(*activity)),
        ("attempt", Some(attempt.to_string().as_str())),
        ("workflow_id", *workflow_id),
        ("event_id", event_id.as_deref()),
        ("incident_id", incident_id.as_deref()),
        ("replay_id", replay_id.as_deref()),
        ("trace_id", trace_id),
    ]);
    span
}

/// One request to the app, within an activity, and what follows it. `kept` is what it follows where
/// nothing is current.
pub fn callback(kept: Option<TraceParent>) -> (FlowSpan, Option<TraceParent>) {
    start_callback(TRACER.get(), kept)
}

fn start_callback(
    tracer: Option<&SdkTracer>,
    kept: Option<TraceParent>,
) -> (FlowSpan, Option<TraceParent>) {
    let parent = TraceParent::current().or(kept);
    let name = || "POST the repair endpoint";
    let (context, followed) = start(tracer, SpanKind::Client, name, parent);
    let span = FlowSpan { lines: info_span!("callback"), context };
    span.describe([("http.request.method", Some("POST"))]);
    (span, followed)
}

/// Starts a span with all that samplers ask for: the context that it is recorded in, if it is, and
/// what follows it, which is itself where spans are exported, else the same as it does.
fn start<N: Into<Cow<'static, str>>>(
    tracer: Option<&SdkTracer>,
    kind: SpanKind,
    name: impl FnOnce() -> N,
    parent: Option<TraceParent>,
) -> (Option<Context>, Option<TraceParent>) {
    let Some(tracer) = tracer else { return (None, parent) };
    let under = parent.as_ref().map_or_else(Context::new, TraceParent::context);
    let span = SpanBuilder::from_name(name()).with_kind(kind).start_with_context(tracer, &under);
    let followed = TraceParent::from_span(span.span_context()).or(parent);
    let recorded = span.is_recording().then(|| under.with_span(span));
    (recorded, followed)
}

#[cfg(test)]
mod tests;

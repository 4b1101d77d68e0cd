use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanProcessor};

use super::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// The spans that ended.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl Ended {
    fn count(&self) -> usize {
        self.0.lock().expect("a lock").len()
    }

    /// The only one.
    fn span(&self) -> SpanData {
        assert_eq!(self.count(), 1);
        self.0.lock().expect("a lock")[0].clone()
    }
}

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().expect("a lock").push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// What starts spans as their parent is sampled, and those without one as it is said here.
fn tracer(root: Sampler) -> (SdkTracer, Ended) {
    let ended = Ended::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(root)))
        .with_span_processor(ended.clone())
        .build();
    (provider.tracer("test"), ended)
}

fn parent(flags: &str) -> Option<TraceParent> {
    TraceParent::parse(&format!("00-{TRACE}-{PARENT}-{flags}"))
}

fn start_request(tracer: &SdkTracer, flags: &str) -> (FlowSpan, String) {
    let (context, followed) = start(Some(tracer), SpanKind::Server, || "POST /", parent(flags));
    let followed = followed.expect("something to follow").as_str().to_owned();
    (FlowSpan { lines: Span::none(), context }, followed)
}

fn attributes(span: &SpanData) -> BTreeMap<String, String> {
    let pairs = span.attributes.iter();
    pairs.map(|it| (it.key.as_str().to_owned(), it.value.as_str().into_owned())).collect()
}

fn is_anything_current() -> bool {
    Context::map_current(Context::has_active_span)
}

#[test]
fn without_an_exporter_what_follows_has_the_parent_of_the_app() {
    let (span, followed) = request("req_1", "POST", "/", parent("01"));
    assert_eq!(followed, parent("01"));
    assert_eq!(span.run(async { is_anything_current() }).now_or_never(), Some(false));
    assert_eq!(request("req_1", "POST", "/", None).1, None);
}

#[test]
fn one_that_is_not_sampled_hands_its_trace_on_and_leaves_its_future_alone() {
    let (tracer, ended) = tracer(Sampler::AlwaysOn);
    let (span, followed) = start_request(&tracer, "00");
    assert!(followed.starts_with(&format!("00-{TRACE}-")), "{followed}");
    assert!(followed.ends_with("-00") && !followed.contains(PARENT), "{followed}");
    assert_eq!(span.run(async { is_anything_current() }).now_or_never(), Some(false));
    assert_eq!(span.run(async { takes_notes() }).now_or_never(), Some(false));
    span.note("event_id", &"ev_1");
    span.responded(500);
    drop(span);
    assert_eq!(ended.count(), 0);
}

#[test]
fn one_that_is_sampled_has_its_parent_and_what_is_noted_later() {
    let (tracer, ended) = tracer(Sampler::AlwaysOff);
    let (span, followed) = start_request(&tracer, "01");
    span.describe([("http.request.method", Some("POST")), ("trace_id", None)]);
    span.note("event_id", &"ev_1");
    span.run(async { note("project_id", &"proj_1") }).now_or_never().expect("no wait");
    assert_eq!(span.run(async { takes_notes() }).now_or_never(), Some(true));
    note("incident_id", &"of something else");
    span.responded(503);
    drop(span);
    let span = ended.span();
    let id = span.span_context.span_id();
    assert_eq!(followed, format!("00-{TRACE}-{id}-01"));
    assert_eq!((&*span.name, span.span_kind.clone()), ("POST /", SpanKind::Server));
    assert_eq!(span.parent_span_id.to_string(), PARENT);
    assert!(span.parent_span_is_remote);
    assert_eq!(span.status, Status::error(""));
    let attributes = attributes(&span);
    assert_eq!(attributes.len(), 5, "{attributes:?}");
    assert_eq!(attributes["http.request.method"], "POST");
    assert_eq!(attributes["error.type"], "503");
    assert_eq!(attributes["event_id"], "ev_1");
    assert_eq!(attributes["project_id"], "proj_1");
    assert_eq!(attributes["http.response.status_code"], "503");
}

#[test]
fn one_whose_future_is_dropped_has_ended() {
    let (tracer, ended) = tracer(Sampler::AlwaysOn);
    let (span, _) = start_request(&tracer, "01");
    let mut running = Box::pin(span.run(std::future::pending::<()>()));
    drop(span);
    assert_eq!(running.as_mut().now_or_never(), None);
    assert_eq!(ended.count(), 0, "it is running");
    drop(running);
    assert_eq!(ended.count(), 1);
}

#[test]
fn work_that_goes_on_alone_is_a_part_of_what_began_it() {
    let (tracer, ended) = tracer(Sampler::AlwaysOn);
    let (span, _) = start_request(&tracer, "01");
    let beginning = span.run(async { Some(in_current(async { note("event_id", &"ev_1") })) });
    let work = beginning.now_or_never().flatten().expect("no wait");
    drop(span);
    assert_eq!(ended.count(), 0, "it is running");
    assert_eq!(work.now_or_never(), Some(()));
    assert_eq!(ended.span().attributes, [KeyValue::new("event_id", "ev_1")]);
}

#[test]
fn a_callback_is_sampled_as_the_attempt_that_makes_it() {
    for (root, flags) in [(Sampler::AlwaysOff, "00"), (Sampler::AlwaysOn, "01")] {
        let (for_attempt, _) = tracer(root);
        let (for_callback, _) = tracer(Sampler::AlwaysOn);
        let attempt = start_activity(Some(&for_attempt), &ActivityFacts::default(), None);
        let called =
            async { (TraceParent::current(), start_callback(Some(&for_callback), None).1) };
        let (within, followed) = attempt.run(called).now_or_never().expect("no wait");
        let (within, followed) = (within.expect("an attempt"), followed.expect("a callback"));
        assert_eq!(followed.trace_id(), within.trace_id());
        assert_ne!(followed, within);
        assert_eq!(followed.as_str().rsplit('-').next(), Some(flags));
    }
}

#[test]
fn a_callback_that_was_not_delivered_has_failed_and_says_in_a_word_how() {
    let called = |status, is_delivered, failed| {
        let (tracer, ended) = tracer(Sampler::AlwaysOn);
        let (span, _) = start_callback(Some(&tracer), None);
        span.called(status, is_delivered, failed);
        drop(span);
        let span = ended.span();
        (span.status.clone(), attributes(&span).remove("error.type"))
    };
    assert_eq!(called(Some(204), true, None), (Status::Unset, None));
    for (status, failed, kind) in
        [(Some(302), None, "302"), (Some(500), None, "500"), (None, Some("timeout"), "timeout")]
    {
        let told = called(status, false, failed);
        assert_eq!(told, (Status::error(""), Some(kind.to_owned())));
    }
}

#[test]
fn what_fails_within_fails_the_span_that_runs() {
    let (tracer, ended) = tracer(Sampler::AlwaysOn);
    let (span, _) = start_request(&tracer, "01");
    span.run(async { failed("unreachable") }).now_or_never().expect("no wait");
    drop(span);
    let span = ended.span();
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attributes(&span)["error.type"], "unreachable");
    failed("where nothing runs");
}

#[test]
fn a_request_is_named_by_its_route_where_it_has_one() {
    assert_eq!(name_request("GET", "/causes"), "GET /causes");
    assert_eq!(name_request("GET", ""), "GET");
    assert_eq!(name_request("other", ""), "HTTP");
}

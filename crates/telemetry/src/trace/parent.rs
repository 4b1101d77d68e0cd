//! Which trace something belongs to, as the header and the row of an event have it.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, get_active_span};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// The header that carries a trace on.
pub const TRACEPARENT: &str = "traceparent";

/// Which trace something belongs to, and which of its spans it follows.
#[derive(Debug, Clone)]
pub struct TraceParent {
    header: String,
    span: SpanContext,
}

impl TraceParent {
    /// Reads a header or what was kept. `None` if it is none: a trace is worth no rejection.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let propagator = TraceContextPropagator::new();
        let context = propagator.extract_with_context(&Context::new(), &Header(text));
        Self::from_span(context.span().span_context())
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

    /// That of what follows a span. `None` of a span that was started after the end of the export.
    pub(super) fn from_span(span: &SpanContext) -> Option<Self> {
        if !span.is_valid() {
            return None;
        }
        let flags = span.trace_flags() & TraceFlags::SAMPLED;
        let header = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
        Some(Self { header, span: span.clone() })
    }

    /// That of what follows the span that runs here.
    pub(super) fn current() -> Option<Self> {
        get_active_span(|span| Self::from_span(span.span_context()))
    }

    /// What a span is started under to follow.
    pub(super) fn context(&self) -> Context {
        Context::new().with_remote_span_context(self.span.clone())
    }
}

impl PartialEq for TraceParent {
    fn eq(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

impl Eq for TraceParent {}

/// The one header that is read.
struct Header<'a>(&'a str);

impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_and_goes_on_as_it_came() {
        for flags in ["00", "01"] {
            let header = format!("{}{flags}", &HEADER[..HEADER.len() - 2]);
            let parent = TraceParent::parse(&header).expect("a traceparent");
            assert_eq!(parent.as_str(), header);
            assert_eq!(parent.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        }
    }

    #[test]
    fn what_runs_under_a_parent_follows_it() {
        assert_eq!(TraceParent::current(), None);
        let parent = TraceParent::parse(HEADER).expect("a traceparent");
        let _attached = parent.context().attach();
        assert_eq!(TraceParent::current(), Some(parent));
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

#!/usr/bin/env bash
# tracing-opentelemetry 0.34.0 with opentelemetry 0.33.1 and tracing 0.1.44 (crates.io), rustc 1.95.
#
# Span::context() looks like a read, for a log line or a header. It starts the span: a parent that is set
# afterwards is an Err(AlreadyStarted), which `let _ =` hides, and the span stays the root of a trace of its
# own. The special fields otel.kind and otel.name that are recorded afterwards are dropped without an error,
# while ordinary fields are taken. So the parent, kind and name come first, the trace's id is read last.
#
# Seen:
#   parent first: parent set Ok(()), name renamed, kind Server, joined true, n 1
#   context first: parent set Err(AlreadyStarted), name context first, kind Internal, joined false, n 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$PWD/$(dirname "$0")
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2024"

[dependencies]
opentelemetry = { version = "=0.33.1", default-features = false, features = ["trace"] }
opentelemetry_sdk = { version = "=0.33.1", default-features = false, features = ["trace", "testing"] }
tracing = "=0.1.44"
tracing-opentelemetry = { version = "=0.34.0", default-features = false }
tracing-subscriber = { version = "=0.3.23", default-features = false, features = ["registry", "std"] }
TOML
cat >src/main.rs <<'RUST'
use opentelemetry::Context;
use opentelemetry::trace::*;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

const TRACE: TraceId = TraceId::from_bytes([7; 16]);

fn remote() -> Context {
    let (span, state) = (SpanId::from_bytes([8; 8]), TraceState::default());
    Context::new().with_remote_span_context(SpanContext::new(TRACE, span, TraceFlags::SAMPLED, true, state))
}

fn describe(span: &Span) {
    span.record("otel.name", "renamed").record("otel.kind", "server").record("n", 1);
}

fn main() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("seen"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    let first = info_span!("parent first", otel.name = Empty, otel.kind = Empty, n = Empty);
    let one = first.set_parent(remote());
    describe(&first);
    first.context();
    drop(first);
    let second = info_span!("context first", otel.name = Empty, otel.kind = Empty, n = Empty);
    second.context();
    let other = second.set_parent(remote());
    describe(&second);
    drop(second);
    for ((case, set), span) in [("parent first", one), ("context first", other)].into_iter().zip(exporter.get_finished_spans().unwrap()) {
        let n = span.attributes.iter().find(|attribute| attribute.key.as_str() == "n").unwrap();
        let joined = span.span_context.trace_id() == TRACE;
        println!("{case}: parent set {set:?}, name {}, kind {:?}, joined {joined}, n {}", span.name, span.span_kind, n.value);
    }
}
RUST
CARGO_TARGET_DIR=$folder/target cargo run --quiet >seen
sed -n 's/^#   //p' "$here/$(basename "$0")" | diff - seen && echo "as described"

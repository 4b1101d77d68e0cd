//! One trace holds the whole flow, and so does the log: from the app's request over the outbox, the
//! watch and its activities to the callback, which carries the trace on.
//!
//! The programs run as processes of their own, with a Temporal of their own, and send their spans
//! over OTLP to a collector of the test.

use std::collections::BTreeMap;

use domain::ids::{EventId, IncidentId, ReplayId};
use doubles::http_server::HttpServer;
use e2e::binary::{Log, Part};
use e2e::engines::OwnTemporal;
use e2e::world::{parse, receipt};
use e2e::{World, WorldOptions, eventually, run};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use prost::Message;
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_OF_APP: &str = "00f067aa0ba902b7";

/// A span, as the collector got it.
#[derive(Debug, Clone)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    service: String,
    attributes: BTreeMap<String, String>,
}

struct Collector(HttpServer);

impl Collector {
    async fn start() -> Self {
        let empty = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        Self(HttpServer::responding(empty).await)
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.received().into_iter().map(|request| {
            assert!(request.head.starts_with("POST /v1/traces "), "{}", request.head);
            ExportTraceServiceRequest::decode(request.body.as_slice()).expect("OTLP")
        });
        requests.flat_map(|request| request.resource_spans).flat_map(read).collect()
    }

    /// Waits for the span of a trace that has this name.
    async fn span(&self, trace: &str, name: &str) -> Span {
        eventually(&format!("a span {name} of {trace}"), async || {
            self.spans().into_iter().find(|span| span.trace == trace && span.name == name)
        })
        .await
    }
}

fn read(of: opentelemetry_proto::tonic::trace::v1::ResourceSpans) -> Vec<Span> {
    let resource = of.resource.expect("a resource").attributes;
    let service = attributes(resource)["service.name"].clone();
    let spans = of.scope_spans.into_iter().flat_map(|scope| scope.spans);
    let read = spans.map(|span| Span {
        trace: hex::encode(span.trace_id),
        id: hex::encode(span.span_id),
        parent: hex::encode(span.parent_span_id),
        name: span.name,
        service: service.clone(),
        attributes: attributes(span.attributes),
    });
    read.collect()
}

fn attributes(
    pairs: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>,
) -> BTreeMap<String, String> {
    let texts = pairs.into_iter().map(|pair| {
        let text = match pair.value.and_then(|value| value.value) {
            Some(Attribute::StringValue(text)) => text,
            other => format!("{other:?}"),
        };
        (pair.key, text)
    });
    texts.collect()
}

fn part(world: &World, service: &str, more: &[(&str, &str)]) -> (Part, Log) {
    let mut settings = vec![("SENDPROMPTLY_LOG", "info"), ("SENDPROMPTLY_LOG_FORMAT", "json")];
    settings.extend(more);
    world.spawn_logged(service, &settings).expect("a process")
}

fn lines(log: &Log) -> Vec<Value> {
    log.text().lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

/// Sends a receipt as an app does that traces its requests.
async fn send_traced(world: &World, provider_event_id: &str) -> EventId {
    let request = world
        .http
        .post(format!("{}/api/v1/receipt", world.url))
        .header("authorization", format!("Bearer {}", world.key.reveal()))
        .header("idempotency-key", provider_event_id)
        .header("content-type", "application/json")
        .header("traceparent", format!("00-{TRACE}-{SPAN_OF_APP}-01"))
        .body(receipt(provider_event_id).to_string());
    let response = request.send().await.expect("a response");
    assert_eq!(response.status(), 202);
    parse(
        &serde_json::from_slice::<Value>(&response.bytes().await.expect("a body")).expect("JSON")["event_id"],
    )
}

/// A world of its own processes, which lives as long as its Temporal.
async fn world(port: u16) -> World {
    let options = WorldOptions::default().without_api().without_worker();
    World::start_on(format!("127.0.0.1:{port}"), options).await
}

/// What every span and line is to name.
#[derive(Clone, Copy)]
struct Flow {
    event: EventId,
    incident: IncidentId,
    replay: ReplayId,
}

impl Flow {
    fn ids(self) -> [(&'static str, String); 4] {
        [
            ("event_id", self.event.to_string()),
            ("incident_id", self.incident.to_string()),
            ("replay_id", self.replay.to_string()),
            ("workflow_id", format!("effect-watch/{}", self.event)),
        ]
    }
}

/// Checks the spans of a flow; the id of its callback's.
async fn is_traced(world: &World, collector: &Collector, flow: Flow) -> String {
    let received = collector.span(TRACE, "POST /api/v1/receipt").await;
    let from = (received.parent.as_str(), received.service.as_str());
    assert_eq!(from, (SPAN_OF_APP, "sendpromptly"));
    assert_eq!(received.attributes["http.route"], "/api/v1/receipt");
    assert_eq!(received.attributes["project_id"], world.project.id.to_string());
    assert_eq!(received.attributes["event_id"], flow.event.to_string());
    let dispatched = collector.span(TRACE, "dispatch to Temporal").await;
    assert_eq!(dispatched.parent, received.id);
    let sent = collector.span(TRACE, "send_callback").await;
    assert_eq!((&sent.parent, sent.service.as_str()), (&received.id, "shop-worker"));
    for (name, id) in flow.ids() {
        assert_eq!(sent.attributes[name], id, "{name}");
    }
    collector.span(TRACE, "deliver_alert").await;
    let callback = collector.span(TRACE, "POST the repair endpoint").await;
    assert_eq!(callback.parent, sent.id);
    for private in ["evt_1", "user_456", "cometcart.test"] {
        let spans = format!("{:?}", collector.spans());
        assert!(!spans.contains(private), "{private} left the house");
    }
    callback.id
}

async fn is_logged(world: &World, api: &Log, worker: &Log, flow: Flow) {
    let line = |log, wanted: fn(&Value) -> bool| {
        eventually("a line in the log", async move || lines(log).into_iter().find(wanted))
    };
    let of_trace = |line: &Value| line["target"] == "access" && line["span"]["trace_id"] == TRACE;
    let access = line(api, of_trace).await;
    assert_eq!(access["fields"]["status"], 202);
    assert!(access["fields"]["latency_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{access}");
    assert_eq!(access["span"]["route"], "/api/v1/receipt");
    assert_eq!(access["span"]["method"], "POST");
    assert_eq!(access["span"]["project_id"], world.project.id.to_string());
    assert!(access["span"]["request_id"].as_str().is_some_and(|id| id.starts_with("req_")));
    assert_eq!(access["span"]["event_id"], flow.event.to_string());
    let of_result =
        |line: &Value| line["target"] == "access" && line["span"]["route"] == "/api/v1/result";
    let reported = line(api, of_result).await;
    for (name, id) in &flow.ids()[..2] {
        assert_eq!(reported["span"][name], *id, "{reported}");
    }
    let done = line(worker, |line| line["span"]["activity"] == "send_callback").await;
    assert_eq!(done["span"]["trace_id"], TRACE);
    for (name, id) in flow.ids() {
        assert_eq!(done["span"][name], id, "{done}");
    }
}

#[test]
fn one_trace_and_the_log_hold_the_flow_from_the_receipt_to_the_callback() {
    run(async {
        let port = embedded::free_port().expect("a port");
        let world = world(port).await;
        let server = OwnTemporal::start(port).await;
        let collector = Collector::start().await;
        let endpoint = collector.endpoint();
        let export = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ];
        let (_api, api_log) = part(&world, "api", &export);
        let named = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop-worker,service.namespace=shop");
        let (worker, worker_log) = part(&world, "worker", &[export[0], export[1], named]);
        eventually("an API that answers", async || world.ready().await.then_some(())).await;
        world.alert_bob().await;
        let event_id = send_traced(&world, "evt_1").await;
        let incident_id = world.fail(event_id, json!({})).await;
        let replay_id = world.reprocess(incident_id).await;
        let asked = world.repair.wait_for(1).await;

        let flow = Flow { event: event_id, incident: incident_id, replay: replay_id };
        let called_back = is_traced(&world, &collector, flow).await;
        assert_eq!(asked[0].header("traceparent"), format!("00-{TRACE}-{called_back}-01"));
        is_logged(&world, &api_log, &worker_log, flow).await;
        assert_eq!(worker.end().await.expect("an end"), Some(0));
        server.stop().await;
    });
}

#[test]
fn without_a_collector_the_callback_carries_on_what_the_app_sent() {
    run(async {
        let world = World::start().await;
        let event_id = send_traced(&world, "evt_1").await;
        let incident_id = world.fail(event_id, json!({})).await;
        world.reprocess(incident_id).await;
        let asked = world.repair.wait_for(1).await;
        assert_eq!(asked[0].header("traceparent"), format!("00-{TRACE}-{SPAN_OF_APP}-01"));

        let untraced = world.receipt("evt_2").await;
        let incident_id = world.fail(untraced, json!({})).await;
        world.reprocess(incident_id).await;
        let asked = world.repair.wait_for(2).await;
        assert_eq!(asked[1].header("traceparent"), "");
    });
}

#[test]
fn a_protocol_that_is_not_spoken_is_named_before_anything_starts() {
    run(async {
        let world = world(1).await;
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ];
        let (code, printed, _) = world.cli_with(&["api"], &settings, "").await.expect("an end");
        assert_eq!(code, 1);
        let said = printed["error"]["message"].as_str().expect("a message");
        assert!(said.contains("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf"), "{said}");
    });
}

#[test]
fn what_the_export_does_not_read_is_a_line_of_the_log() {
    run(async {
        let world = world(1).await;
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/otel/ca.pem"),
        ];
        let (_api, log) = part(&world, "api", &settings);
        let said = eventually("the line of what is not read", async || {
            let is_said = |line: &Value| line["fields"]["variable"] == settings[3].0;
            lines(&log).into_iter().find(is_said)
        })
        .await;
        assert_eq!(said["level"], "WARN");
    });
}

#[test]
fn why_a_service_does_not_start_is_a_line_of_its_json() {
    run(async {
        let world = world(1).await;
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address").to_string();
        let (_api, log) = part(&world, "api", &[("SENDPROMPTLY_LISTEN", address.as_str())]);
        let ended = eventually("the line of its end", async || {
            lines(&log).into_iter().find(|line| line["fields"]["message"] == "ended by an error")
        })
        .await;
        let error = ended["fields"]["error"].as_str().expect("an error");
        assert!(error.starts_with(&format!("cannot listen on {address}")), "{ended}");
        assert_eq!(ended["level"], "ERROR");
    });
}

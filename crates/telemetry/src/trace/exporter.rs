//! Where spans leave the process, as OpenTelemetry's own variables say.

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::TRACER;

const NAME: &str = "service.name";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// What is said of traces goes before what is said of everything.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
/// What OpenTelemetry defines beside these, and the exporter does not read.
const NOT_READ: [&str; 6] = [
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
];

fn read(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The exporter would go on with the one protocol that it has, to a port that speaks another one.
fn reject_protocol(read: impl Fn(&str) -> Option<String>) -> Option<(&'static str, String)> {
    let (variable, protocol) =
        PROTOCOLS.into_iter().find_map(|variable| Some((variable, read(variable)?)))?;
    if protocol == "http/protobuf" {
        return None;
    }
    let why = format!("must be http/protobuf, for which collectors have port 4318, not {protocol}");
    Some((variable, why))
}

/// Logs what somebody relies on in vain.
fn name_not_read() {
    for variable in NOT_READ.into_iter().filter(|variable| read(variable).is_some()) {
        tracing::warn!(
            variable,
            "a setting of the export of spans that is not read: the collector's authority is one of SSL_CERT_FILE, \
             SSL_CERT_DIR or the system, and it is shown no certificate",
        );
    }
}

/// What the process is called: what the variables say goes before what it says of itself.
fn resource(version: &'static str) -> Resource {
    let own = [KeyValue::new(NAME, "sendpromptly"), KeyValue::new("service.version", version)];
    let said = Resource::builder_empty()
        .with_attributes(own)
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match read("OTEL_SERVICE_NAME") {
        Some(name) => said.with_service_name(name).build(),
        None => said.build(),
    }
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
        if let Some(rejected) = reject_protocol(read) {
            return Some(Err(rejected));
        }
        name_not_read();
        let exporter = match SpanExporter::builder().with_http().build() {
            Ok(exporter) => exporter,
            Err(error) => return Some(Err((ENDPOINT, error.to_string()))),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource(version))
            .build();
        Some(Ok(Self(provider)))
    }

    /// Takes the spans that this process starts from here on. The first one of a process does.
    pub fn install(&self) {
        let _first = TRACER.set(self.0.tracer("sendpromptly"));
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

    #[test]
    fn what_is_said_of_the_protocol_of_traces_goes_before_that_of_everything() {
        for (of_traces, of_all, rejected) in [
            (None, None, None),
            (None, Some("http/protobuf"), None),
            (None, Some("grpc"), Some(PROTOCOLS[1])),
            (Some("http/protobuf"), Some("grpc"), None),
            (Some("grpc"), Some("http/protobuf"), Some(PROTOCOLS[0])),
            (Some("http/json"), None, Some(PROTOCOLS[0])),
        ] {
            let set = |variable: &str| {
                let value = if variable == PROTOCOLS[0] { of_traces } else { of_all };
                value.map(str::to_owned)
            };
            assert_eq!(reject_protocol(set).map(|(variable, _)| variable), rejected);
        }
    }
}

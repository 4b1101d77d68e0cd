#!/usr/bin/env bash
# opentelemetry-exporter-otlp-proto-http 1.45.2 with opentelemetry-sdk 1.45.2 (PyPI), @opentelemetry/exporter-trace-otlp-http 0.223.1 with
# sdk-trace-base 2.12.1 (npm), Python 3.11, Node 20.
#
# OTEL_EXPORTER_OTLP_TIMEOUT is set once for all services of a deployment. OpenTelemetry's page on it says milliseconds, 10000 if it is
# not set, and Node reads it so. Python reads seconds: 10000 are nearly three hours, in which a collector that accepts and does not
# answer holds the export, and with it all spans of that process, while Node has given up after ten seconds. Whoever finds 10 in
# Python's documentation and sets that gives each export of Node ten milliseconds, and its spans are gone as soon as the collector is
# a network away. Without the variable both wait ten seconds, and OTEL_BSP_SCHEDULE_DELAY beside it is milliseconds in both. No value
# is right for both: the services of one language need another than those of the other.
#
# Seen (a collector that answers after 3 s):
#   not set: python delivered, node delivered
#   OTEL_EXPORTER_OTLP_TIMEOUT=1000: python delivered, node failed
#   OTEL_EXPORTER_OTLP_TIMEOUT=10: python delivered, node failed
#   OTEL_EXPORTER_OTLP_TIMEOUT=1: python failed, node failed
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
    @opentelemetry/exporter-trace-otlp-http@0.223.1 @opentelemetry/sdk-trace-base@2.12.1 @opentelemetry/api@1.9.1 >/dev/null
cat >collector.cjs <<'NODE'
const server = require("http").createServer((request, response) => {
  request.resume().on("end", () => setTimeout(() => response.writeHead(200, { "content-type": "application/x-protobuf" }).end(), 3000));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
NODE
cat >export.py <<'PYTHON'
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider

span = TracerProvider().get_tracer("shop").start_span("pay")
span.end()
print("delivered" if OTLPSpanExporter().export([span]).name == "SUCCESS" else "failed")
PYTHON
cat >export.cjs <<'NODE'
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { BasicTracerProvider } = require("@opentelemetry/sdk-trace-base");

const span = new BasicTracerProvider().getTracer("shop").startSpan("pay");
span.end();
new OTLPTraceExporter().export([span], (result) => {
  console.log(result.code === 0 ? "delivered" : "failed");
  process.exit();
});
NODE
node collector.cjs >port &
server=$!
until [ -s port ]; do sleep 0.1; done
export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$(cat port)
both() {
    echo "$1: python $(python/bin/python export.py 2>/dev/null), node $(node export.cjs 2>/dev/null)"
}
{
    both "not set"
    for value in 1000 10 1; do
        export OTEL_EXPORTER_OTLP_TIMEOUT=$value
        both "OTEL_EXPORTER_OTLP_TIMEOUT=$value"
    done
} >seen
cat seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"

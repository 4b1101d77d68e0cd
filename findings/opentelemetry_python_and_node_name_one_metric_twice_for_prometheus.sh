#!/usr/bin/env bash
# opentelemetry-exporter-prometheus 0.66b2 with opentelemetry-sdk 1.45.2 (PyPI), @opentelemetry/exporter-prometheus 0.223.0 with sdk-metrics
# 2.12.1 (npm; 0.301.0 for newer Nodes does the same), Python 3.11, Node 20.
#
# Two services of a system count the same thing under one name and unit, as the semantic conventions give them, and Prometheus scrapes
# both. The exporter of Python puts the unit into the name, as the conversion to Prometheus is specified; Node's leaves it out. So a rule
# written against one finds nothing of the other, and a sum() over all services is that of one language, without a sign of it: an alert on
# http_server_request_duration_seconds does not see Node's requests. A counter without a unit, which is what one tries first, has the same
# name in both, as has one whose unit is an annotation in braces. Python puts a unit it does not know (EUR) into the name as it is.
# Against a collector that converts OTLP itself there is one name.
#
# Seen (name and unit; what Prometheus scrapes):
#   payments.failed: python payments_failed_total, node payments_failed_total
#   payments.failed {payment}: python payments_failed_total, node payments_failed_total
#   payments.amount EUR: python payments_amount_EUR_total, node payments_amount_total
#   body.size By: python body_size_bytes_total, node body_size_total
#   http.server.request.duration s: python http_server_request_duration_seconds, node http_server_request_duration
#   queue.wait ms: python queue_wait_milliseconds, node queue_wait
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2 opentelemetry-exporter-prometheus==0.66b2
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
    @opentelemetry/exporter-prometheus@0.223.0 @opentelemetry/sdk-metrics@2.12.1 @opentelemetry/api@1.9.1 >/dev/null
cat >metrics.json <<'JSON'
[
    ["counter", "payments.failed", ""], ["counter", "payments.failed", "{payment}"], ["counter", "payments.amount", "EUR"],
    ["counter", "body.size", "By"], ["histogram", "http.server.request.duration", "s"], ["histogram", "queue.wait", "ms"]
]
JSON
cat >scrape.py <<'PYTHON'
import json

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

for kind, name, unit in json.load(open("metrics.json")):
    registry = CollectorRegistry()
    meter = MeterProvider(metric_readers=[PrometheusMetricReader(registry=registry)]).get_meter("shop")
    if kind == "counter":
        meter.create_counter(name, unit=unit).add(1)
    else:
        meter.create_histogram(name, unit=unit).record(1)
    types = [line for line in generate_latest(registry).decode().splitlines() if line.startswith("# TYPE") and "target_info" not in line]
    print("\n".join(line.split()[2] for line in types))
PYTHON
cat >scrape.cjs <<'NODE'
const { PrometheusExporter, PrometheusSerializer } = require("@opentelemetry/exporter-prometheus");
const { MeterProvider } = require("@opentelemetry/sdk-metrics");

(async () => {
  for (const [kind, name, unit] of require("./metrics.json")) {
    const reader = new PrometheusExporter({ preventServer: true });
    const meter = new MeterProvider({ readers: [reader] }).getMeter("shop");
    if (kind === "counter") meter.createCounter(name, { unit }).add(1);
    else meter.createHistogram(name, { unit }).record(1);
    const { resourceMetrics } = await reader.collect();
    const text = new PrometheusSerializer().serialize(resourceMetrics);
    const types = text.split("\n").filter((line) => line.startsWith("# TYPE") && !line.includes("target_info"));
    console.log(types.map((line) => line.split(" ")[2]).join("\n"));
  }
})();
NODE
paste -d '|' <(python3 -c 'import json
for _, name, unit in json.load(open("metrics.json")): print(f"{name} {unit}".strip())') \
    <(python/bin/python scrape.py) <(node scrape.cjs) | sed 's/|/: python /; s/|/, node /' >seen
cat seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"

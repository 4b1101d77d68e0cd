#!/usr/bin/env bash
# opentelemetry-api 1.45.2 (PyPI), @opentelemetry/core 2.12.1 with @opentelemetry/api 1.9.1 (npm), Python 3.11, Node 20.
#
# W3C's header `baggage` is percent-encoded, and a plus in it is a plus. The propagator of Python writes and reads it as a form
# is: it makes a plus of each space, and a space of each plus. So what passes a Python service changes, in both
# directions and without a word: Node reads the customer's name with pluses in it, and of an address or an id that Node,
# Go or a proxy sent with its plus as it is, Python makes another one, and sends that one on. A lookup or an
# idempotency key by such a value finds nothing. Between two services of the same language all is well.
#
# Seen:
#   python sends 'Ada Lovelace': customer=Ada+Lovelace
#   node reads that as: 'Ada+Lovelace'
#   node sends 'Ada Lovelace': customer=Ada%20Lovelace
#   python reads that as: 'Ada Lovelace'
#   customer=ada+shop@example.com, node reads: 'ada+shop@example.com'
#   customer=ada+shop@example.com, python reads: 'ada shop@example.com'
#   customer=order%201+2, python sends on: customer=order+1+2
#   node reads that as: 'order+1+2'
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check opentelemetry-api==1.45.2
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
    @opentelemetry/core@2.12.1 @opentelemetry/api@1.9.1 >/dev/null
cat >node.cjs <<'NODE'
const { W3CBaggagePropagator } = require("@opentelemetry/core");
const { propagation, ROOT_CONTEXT, defaultTextMapGetter, defaultTextMapSetter } = require("@opentelemetry/api");
const [what, text] = process.argv.slice(2);
const w3c = new W3CBaggagePropagator();
if (what === "read") {
  const context = w3c.extract(ROOT_CONTEXT, { baggage: text }, defaultTextMapGetter);
  console.log(propagation.getBaggage(context).getEntry("customer").value);
} else {
  const carrier = {};
  const baggage = propagation.createBaggage({ customer: { value: text } });
  w3c.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), carrier, defaultTextMapSetter);
  console.log(carrier.baggage);
}
NODE
cat >run.py <<'PYTHON'
import subprocess

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

W3C = W3CBaggagePropagator()


def node(what, text):
    return subprocess.run(["node", "node.cjs", what, text], capture_output=True, text=True, check=True).stdout.strip()


def read(header):
    return W3C.extract({"baggage": header}, context=Context())


def send(context):
    carrier = {}
    W3C.inject(carrier, context=context)
    return carrier["baggage"]


sent = send(baggage.set_baggage("customer", "Ada Lovelace", Context()))
print("python sends 'Ada Lovelace':", sent)
print(f"node reads that as: {node('read', sent)!r}")
sent = node("send", "Ada Lovelace")
print("node sends 'Ada Lovelace':", sent)
print(f"python reads that as: {baggage.get_baggage('customer', read(sent))!r}")
header = "customer=ada+shop@example.com"
print(f"{header}, node reads: {node('read', header)!r}")
print(f"{header}, python reads: {baggage.get_baggage('customer', read(header))!r}")
header = "customer=order%201+2"
sent = send(read(header))
print(f"{header}, python sends on: {sent}")
print(f"node reads that as: {node('read', sent)!r}")
PYTHON
python/bin/python run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"

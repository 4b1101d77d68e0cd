#!/usr/bin/env bash
# stripe 23.1.0 (npm) and stripe 16.1.0 (PyPI).
#
# A thin event notification ("object": "v2.core.event") names the snapshot event of the same occurrence in
# snapshot_event. Whoever receives both kinds needs it to see that they are one. The Node library keeps
# it on the parsed notification; the Python library drops it, without an error, so that the two libraries
# of one vendor give two identities for one body. The type is v1.-prefixed in both.
#
# Seen:
#   node: v1.invoice.paid evt_snapshot_1
#   python: v1.invoice.paid, snapshot_event: AttributeError
#   python, from the body: evt_snapshot_1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
here=$PWD/$(dirname "$0")
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" stripe@23.1.0 >/dev/null
python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" stripe==16.1.0
cat >body.json <<'JSON'
{"id":"evt_test_1","object":"v2.core.event","type":"v1.invoice.paid","livemode":false,"created":"2026-11-21T14:02:09Z","snapshot_event":"evt_snapshot_1","related_object":{"id":"in_1","type":"invoice","url":"/v1/invoices/in_1"}}
JSON
cat >node.cjs <<'NODE'
const Stripe = require("stripe");
const body = require("fs").readFileSync("body.json", "utf8");
const header = Stripe.webhooks.generateTestHeaderString({ payload: body, secret: "whsec_1" });
const event = new Stripe("sk_test_1").parseEventNotification(body, header, "whsec_1");
console.log("node:", event.type, event.snapshot_event);
NODE
node node.cjs >seen
PYTHONPATH="$folder/lib" python3 - >>seen <<'PYTHON'
import json
import stripe

body = open("body.json").read()
header = stripe.WebhookSignature.generate_signature_header(body, "whsec_1")
event = stripe.StripeClient("sk_test_1").parse_event_notification(body, header, "whsec_1")
try:
    print("python:", event.type, event.snapshot_event)
except AttributeError:
    print(f"python: {event.type}, snapshot_event: AttributeError")
print("python, from the body:", json.loads(body)["snapshot_event"])
PYTHON
sed -n 's/^#   //p' "$here/$(basename "$0")" | diff - seen && echo "as described"

#!/usr/bin/env bash
# stripe 16.1.0 (PyPI), Python 3.11.
#
# An event that stripe.Webhook.construct_event returns is no dict (get, keys and items raise, json.dumps
# refuses it), and the documented way out, to_dict(), is no JSON either once a price is inside: the
# library turns unit_amount_decimal, a string in the body, into a Decimal. Only json.loads of the raw body
# gives what was sent. An app that forwards the event loses exactly the events with prices.
#
# Seen:
#   is a dict: False
#   event.get: AttributeError
#   json.dumps(event): TypeError
#   json.dumps(event.to_dict()): TypeError Object of type Decimal is not JSON serializable
#   the body says: '12.5' and the event says: Decimal('12.5')
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" stripe==16.1.0
PYTHONPATH="$folder/lib" python3 - >"$folder/seen" <<'PYTHON'
import json
import stripe

price = {"id": "price_1", "object": "price", "unit_amount_decimal": "12.5"}
body = json.dumps({
    "id": "evt_1", "object": "event", "type": "price.created", "api_version": stripe.api_version,
    "created": 1, "data": {"object": price},
})
header = stripe.WebhookSignature.generate_signature_header(body, "whsec_1")
event = stripe.Webhook.construct_event(body, header, "whsec_1")
print("is a dict:", isinstance(event, dict))
for name, use in [
    ("event.get", lambda: event.get("id")),
    ("json.dumps(event)", lambda: json.dumps(event)),
    ("json.dumps(event.to_dict())", lambda: json.dumps(event.to_dict())),
]:
    try:
        use()
        print(f"{name}: fine")
    except Exception as error:
        words = str(error) if "to_dict" in name else ""
        print(f"{name}: {type(error).__name__} {words}".rstrip())
said = json.loads(body)["data"]["object"]["unit_amount_decimal"]
print(f"the body says: {said!r} and the event says: {event.to_dict()['data']['object']['unit_amount_decimal']!r}")
PYTHON
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"

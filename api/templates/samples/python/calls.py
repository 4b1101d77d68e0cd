"""The two calls to sendpromptly. Python 3.9 or newer, standard library only."""
import json
import os
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("SENDPROMPTLY_URL", "https://sendpromptly.example.com")
KEY = os.environ["SENDPROMPTLY_KEY"]  # sk_test_... or sk_live_...


def receipt(**event):
    """I took this payment event, and this effect is due. Call it in the webhook handler:

    receipt(provider="stripe", provider_event_id="evt_1", event_type="invoice.paid",
            effect_type="credit_grant", internal_reference="user_456",
            occurred_at="2026-11-21T14:02:09Z")
    """
    return post("receipt", f"receipt-{event['provider_event_id']}-{event['effect_type']}", event)


def result(status, **fields):
    """Applied ("success"), or not ("failed"). Call it after your own commit:

    result("success", provider_event_id="evt_1")
    result("failed", provider_event_id="evt_1", error_code="db_write_failed")
    """
    return post("result", f"result-{uuid.uuid4()}", {"status": status, **fields})


def post(path, idempotency_key, body):
    """Tries three times with the same Idempotency-Key, so that nothing counts twice."""
    request = urllib.request.Request(
        f"{URL}/api/v1/{path}",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {KEY}",
            "Idempotency-Key": idempotency_key,
            "Content-Type": "application/json",
        },
    )
    for attempt in (1, 2, 3):
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except OSError as error:
            status = getattr(error, "code", 503)  # no answer at all is worth another try
            if attempt == 3 or (status < 500 and status not in (409, 429)):
                raise
        time.sleep(attempt)

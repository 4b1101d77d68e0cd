"""The samples of crates/console/templates/samples/python with the providers' own library, which also signs the events.

  libraries=$(python3 scripts/install_test_libraries.py)
  PYTHONPATH=$libraries/python python3 -m unittest discover -s clients/python -p test_providers.py
"""
import atexit
import base64
import contextlib
import hashlib
import hmac
import http.server
import importlib.util
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
import uuid
from unittest import mock

import stripe  # see the top of this file if it is missing

HERE = pathlib.Path(__file__).resolve().parent
TEMPORARY = tempfile.mkdtemp(prefix="sendpromptly-python-")
atexit.register(shutil.rmtree, TEMPORARY, ignore_errors=True)  # clients use their spools until the end
SAMPLES = HERE.parent.parent / "crates/console/templates/samples/python"
STRIPE_SECRET = "whsec_stripe"
SHOPIFY_SECRET = "shpss_secret"
SECRET_BYTES = bytes([7]) * 32
SETTINGS = {
    "SENDPROMPTLY_KEY": "sk_test_none",
    "SENDPROMPTLY_SECRET": f"whsec_{base64.b64encode(SECRET_BYTES).decode()}",
    "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
    "SHOPIFY_API_SECRET": SHOPIFY_SECRET,
    "PYTHONDONTWRITEBYTECODE": "1",
}
STRIPE_FIELDS = {
    "provider": "stripe",
    "provider_event_id": "evt_1PgafvB7WZ01zgkW",
    "event_type": "checkout.session.completed",
    "effect_type": "credit_grant",
    "internal_reference": "user_456",
}
SHOPIFY_FIELDS = {
    "provider": "shopify",
    "provider_event_id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
    "shopify_shop_domain": "acme.myshopify.com",
    "event_type": "orders/paid",
    "effect_type": "access_unlock",
    "internal_reference": "gid://shopify/Order/820982911946154508",
}
DELIVERY = {
    "X-Shopify-Topic": "orders/paid",
    "X-Shopify-Shop-Domain": "acme.myshopify.com",
    "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    "X-Shopify-Event-Id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
    "X-Shopify-Triggered-At": "2026-11-21T14:02:09.123456789Z",
}
ORDER = json.dumps({
    "id": 820982911946154508,
    "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
    "updated_at": "2026-11-21T09:02:09-05:00",
}).encode()
REPAIR = {"type": "reprocess", "replay_id": "rpl_1", "event_id": "ev_1", "effect_type": "credit_grant"}
REPAIR["internal_reference"] = "user_456"


def checkout(type="checkout.session.completed", **more):
    session = {"id": "cs_1", "object": "checkout.session", "client_reference_id": "user_456"}
    session = {**session, "payment_status": "paid", **more}
    event = {"id": "evt_1PgafvB7WZ01zgkW", "object": "event", "type": type, "created": 1795269729}
    return {**event, "data": {"object": session}}


class Recorder(http.server.BaseHTTPRequestHandler):
    """A stand-in for sendpromptly that records the calls."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = {"call": self.path.replace("/api/v1/", ""), "key": self.headers["Idempotency-Key"], **body}
        self.server.calls.append(call)
        if self.server.hangs.is_set():
            self.server.stopped.wait()
            return
        answer = b'{"event_id": "ev_1", "accepted": true}'
        self.send_response(202)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Case(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        self.server.daemon_threads = True
        self.server.hangs, self.server.stopped = threading.Event(), threading.Event()
        self.calls = self.server.calls = []
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.stopped.set)
        # The sample in a folder as an app has it, beside the client.
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=TEMPORARY))
        shutil.copy(HERE / "sendpromptly.py", self.folder)
        for name in ("calls.py", "repair.py"):
            shutil.copy(SAMPLES / name, self.folder)
        url, spool = f"http://127.0.0.1:{self.server.server_address[1]}", str(self.folder / "spool")
        self.settings = {**SETTINGS, "SENDPROMPTLY_URL": url, "SENDPROMPTLY_SPOOL": spool}


class Webhooks(Case):
    def setUp(self):
        super().setUp()
        patch = mock.patch.dict(os.environ, self.settings)
        patch.start()
        self.addCleanup(patch.stop)
        spec = importlib.util.spec_from_file_location("calls", self.folder / "calls.py")
        self.sample = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.sample)
        self.logged = []
        self.sample.client.log = self.logged.append
        printed = contextlib.redirect_stdout(io.StringIO())
        printed.__enter__()
        self.addCleanup(printed.__exit__, None, None, None)

    def send_stripe(self, event, secret=STRIPE_SECRET):
        body = json.dumps(event, indent=2)
        signature = stripe.WebhookSignature.generate_signature_header(body, secret)
        return self.sample.stripe_webhook({"Stripe-Signature": signature}, body.encode())

    def send_shopify(self, headers=DELIVERY, secret=SHOPIFY_SECRET):
        mac = base64.b64encode(hmac.new(secret.encode(), ORDER, hashlib.sha256).digest()).decode()
        return self.sample.shopify_webhook({**headers, "X-Shopify-Hmac-Sha256": mac}, ORDER)

    def test_a_paid_stripe_checkout_makes_a_receipt_and_a_result_with_the_same_fields(self):
        self.assertEqual(self.send_stripe(checkout()), 200)
        receipt, result = self.calls
        key = "receipt-evt_1PgafvB7WZ01zgkW-checkout.session.completed-credit_grant-1d97f3a57dcd25c2b7a9319b5515faa1"
        more = {"occurred_at": 1795269729, "payload": checkout()}
        self.assertEqual(receipt, {"call": "receipt", "key": key, **STRIPE_FIELDS, **more})
        key = "result-evt_1PgafvB7WZ01zgkW-credit_grant-success-bafd0d94e37ebca36cfaca170896b372"
        self.assertEqual(result, {"call": "result", "key": key, **STRIPE_FIELDS, "status": "success"})

    def test_a_stripe_event_that_is_delivered_twice_makes_the_same_calls_twice(self):
        for _ in range(2):
            self.assertEqual(self.send_stripe(checkout()), 200)
        self.assertEqual(len(self.calls), 4)
        self.assertEqual(self.calls[:2], self.calls[2:])

    def test_a_delayed_payment_has_its_receipt_when_the_money_has_come(self):
        self.assertEqual(self.send_stripe(checkout(payment_status="unpaid")), 200)
        self.assertEqual(self.calls, [])
        self.assertEqual(self.send_stripe(checkout("checkout.session.async_payment_succeeded")), 200)
        self.assertEqual(self.calls[0]["event_type"], "checkout.session.async_payment_succeeded")
        self.assertEqual(self.calls[1]["status"], "success")

    def test_work_that_fails_is_reported_and_the_provider_is_asked_to_deliver_again(self):
        with mock.patch.object(self.sample, "grant", side_effect=LookupError("no such user")):
            self.assertEqual(self.send_stripe(checkout()), 500)
            self.assertEqual(self.send_shopify(), 500)
        for result in self.calls[1], self.calls[3]:
            told = [result[name] for name in ("status", "error_code", "error_message")]
            self.assertEqual(told, ["failed", "LookupError", "no such user"])

    def test_an_event_that_a_newer_one_made_void_is_reported_as_superseded(self):
        with mock.patch.object(self.sample, "grant", return_value="superseded"):
            self.assertEqual(self.send_stripe(checkout()), 200)
        self.assertEqual(self.calls[1]["status"], "superseded")

    def test_the_webhook_is_answered_within_4_seconds_when_sendpromptly_hangs(self):
        self.server.hangs.set()
        before = time.monotonic()
        self.assertEqual(self.send_stripe(checkout()), 200)
        self.assertLess(time.monotonic() - before, 4)
        self.assertIn("sendpromptly: receipt-evt_1PgafvB7WZ01zgkW", self.logged[0])

    def test_events_that_are_forged_or_of_no_interest_make_no_calls(self):
        self.assertEqual(self.send_stripe(checkout(), "whsec_other"), 400)
        self.assertEqual(self.sample.stripe_webhook({}, b"{}"), 400)
        self.assertEqual(self.sample.stripe_webhook({"Stripe-Signature": "t=1,v1=a"}, b"\xff"), 400)
        self.assertEqual(self.send_stripe(checkout("invoice.created")), 200)
        self.assertEqual(self.send_shopify(secret="other"), 401)
        self.assertEqual(self.sample.shopify_webhook(DELIVERY, ORDER), 401)
        self.assertEqual(self.send_shopify({**DELIVERY, "X-Shopify-Topic": "orders/create"}), 200)
        self.assertEqual(self.calls, [])

    def test_a_paid_shopify_order_makes_a_receipt_and_a_result_with_the_same_fields(self):
        self.assertEqual(self.send_shopify(), 200)
        receipt, result = self.calls
        occurred_at = "2026-11-21T14:02:09.123456789Z"
        expected = {"call": "receipt", "key": receipt["key"], **SHOPIFY_FIELDS, "occurred_at": occurred_at}
        self.assertEqual(receipt, expected)
        expected = {"call": "result", "key": result["key"], **SHOPIFY_FIELDS, "status": "success"}
        self.assertEqual(result, expected)

    def test_without_x_shopify_event_id_the_webhooks_id_and_the_orders_time_are_taken(self):
        names = ("X-Shopify-Event-Id", "X-Shopify-Triggered-At")
        self.send_shopify({name: value for name, value in DELIVERY.items() if name not in names})
        self.assertEqual(self.calls[0]["provider_event_id"], "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043")
        self.assertEqual(self.calls[0]["occurred_at"], "2026-11-21T09:02:09-05:00")

    def test_the_librarys_event_can_be_no_payload_and_the_receipt_goes_out_without_it(self):
        body = json.dumps(checkout())
        signature = stripe.WebhookSignature.generate_signature_header(body, STRIPE_SECRET)
        event = stripe.Webhook.construct_event(body, signature, STRIPE_SECRET)
        self.assertTrue(self.sample.client.receipt(**STRIPE_FIELDS, payload=event))
        self.assertNotIn("payload", self.calls[0])
        self.assertIn("payload left out: Object of type Event is not JSON serializable", self.logged[0])


class Repairs(Case):
    def setUp(self):
        super().setUp()
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        environment = {**os.environ, **self.settings, "PORT": str(port)}
        child = subprocess.Popen(
            [sys.executable, "repair.py"], cwd=self.folder, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.url = f"http://127.0.0.1:{port}/repair"
        self.until("the endpoint", lambda: self.fetch(self.url) is not None)

    def until(self, what, condition):
        end = time.monotonic() + 120
        while not condition():
            self.assertLess(time.monotonic(), end, f"never: {what}")
            time.sleep(0.01)

    def fetch(self, url, body=None, headers=()):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(urllib.request.Request(url, body, dict(headers)), timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return None

    def send(self, order=REPAIR, secret=SECRET_BYTES, age=0, nonce=None):
        body, timestamp = json.dumps(order), int(time.time()) - age
        nonce = nonce or uuid.uuid4().hex
        mac = hmac.new(secret, f"{timestamp}.{nonce}.{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-SP-Timestamp": timestamp, "X-SP-Nonce": nonce, "X-SP-Signature": f"v1={mac}"}
        return self.fetch(self.url, body.encode(), {"Content-Type": "application/json", **headers})

    def test_the_repair_sample_works_and_reports_its_result_unchanged(self):
        self.assertEqual(self.send({"type": "probe", "replay_id": "rpl_0"}), (200, "probe"))
        self.assertEqual(self.send(nonce="a"), (202, "accepted"))
        self.assertEqual(self.send(nonce="a"), (409, "nonce seen before"))
        self.assertEqual(self.send(), (202, "taken before"))
        self.until("a result", lambda: self.calls)
        result = {"status": "success", "event_id": "ev_1", "replay_id": "rpl_1"}
        self.assertEqual(self.calls, [{"call": "result", "key": "result-ev_1-success-rpl_1", **result}])
        self.assertEqual(self.send(secret=bytes(32)), (401, "bad signature"))
        self.assertEqual(self.send(age=600), (401, "stale timestamp"))
        self.assertEqual(self.send(nonce="a.b"), (401, "bad nonce"))
        self.assertEqual(self.fetch(self.url), (404, ""))


if __name__ == "__main__":
    unittest.main()

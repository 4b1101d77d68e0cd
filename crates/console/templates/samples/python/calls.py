"""Webhook handlers for Stripe and Shopify that report what they received and what came of it.

pip install stripe, and sendpromptly.py beside this file. Environment:
  SENDPROMPTLY_URL=https://sendpromptly.example.com and SENDPROMPTLY_KEY=sk_test_...
  STRIPE_WEBHOOK_SECRET, SHOPIFY_API_SECRET
Both take the raw body and return a status:
  Flask: return "", stripe_webhook(request.headers, request.get_data())
  Django: return HttpResponse(status=stripe_webhook(request.headers, request.body))
"""
import base64
import hashlib
import hmac
import json
import os

import sendpromptly
import stripe

client = sendpromptly.Client()


def grant(reference):
    """Your work. Look first whether it is done, as providers deliver an event twice now and then. Where
    a newer event made this one void, say the order was refunded in the meantime, return "superseded"."""
    print("granting what was paid for to", reference, flush=True)


def stripe_webhook(headers, body):
    signature, secret = headers.get("Stripe-Signature"), os.environ["STRIPE_WEBHOOK_SECRET"]
    try:
        stripe.Webhook.construct_event(body, signature, secret)
    except (ValueError, stripe.SignatureVerificationError):
        return 400
    # Not what construct_event returns: it is no dict, has no get(), and cannot be made JSON for payload.
    event = json.loads(body)
    if event["type"] not in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        return 200
    session = event["data"]["object"]
    # A delayed payment method, such as a bank debit: nothing is paid, so nothing is due yet and there
    # is no receipt. checkout.session.async_payment_succeeded follows when the money has come.
    if session["payment_status"] == "unpaid":
        return 200
    fields = {
        "provider": "stripe",
        "provider_event_id": event["id"],
        "event_type": event["type"],
        "effect_type": "credit_grant",
        "internal_reference": session["client_reference_id"],
    }
    return apply(fields, occurred_at=event["created"], payload=event)


def shopify_webhook(headers, body):
    mac = hmac.new(os.environ["SHOPIFY_API_SECRET"].encode(), body, hashlib.sha256).digest()
    given = headers.get("X-Shopify-Hmac-Sha256", "")
    if not hmac.compare_digest(base64.b64encode(mac), given.encode()):
        return 401
    if headers["X-Shopify-Topic"] != "orders/paid":
        return 200
    order = json.loads(body)
    fields = {
        "provider": "shopify",
        "provider_event_id": headers.get("X-Shopify-Event-Id") or headers["X-Shopify-Webhook-Id"],
        "shopify_shop_domain": headers["X-Shopify-Shop-Domain"],
        "event_type": "orders/paid",
        "effect_type": "access_unlock",
        # A text, gid://shopify/Order/820982911946154508: programs in JavaScript change so large an id.
        "internal_reference": order["admin_graphql_api_id"],
    }
    return apply(fields, occurred_at=headers.get("X-Shopify-Triggered-At") or order["updated_at"])


def apply(fields, **details):
    """The same fields in the receipt and the result name the event, also when it is delivered twice."""
    client.receipt(**fields, **details)
    try:
        outcome = grant(fields["internal_reference"])
        client.result("superseded" if outcome == "superseded" else "success", **fields)
        return 200
    except Exception as error:
        client.result("failed", **fields, error=error)
        return 500  # the provider delivers it again, which is another chance
